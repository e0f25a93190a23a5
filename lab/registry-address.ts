// Where the lab's registry lives: an address outside 127.0.0.0/8, because Docker verifies no TLS on loopback.

/** TEST-NET-1 (RFC 5737), given to `lo` of the private network namespace, and the name that /etc/hosts there maps to it. */
export const registryAddress = { ip: "192.0.2.10", hostName: "registry.mergedock.test" } as const;
