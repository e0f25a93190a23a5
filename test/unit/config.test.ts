import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { type Config, loadConfig } from "../../ci-server/config.ts";
import { usualService } from "../../ci-server/core/service.ts";
import { root } from "../helpers/folders.ts";

describe("the configuration", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "config-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function load(yaml: string | null, env: Record<string, string> = {}): Config {
    if (yaml !== null) writeFileSync(path.join(folder, "mergedock.yml"), yaml);
    return loadConfig({ env, folder });
  }

  function mistakes(yaml: string | null, env: Record<string, string> = {}): string[] {
    try {
      load(yaml, env);
    } catch (error) {
      return (error as Error).message
        .split("\n")
        .slice(1)
        .map((line) => line.trim().replace(/ \(mergedock\.yml:\d+:\d+\)$/, ""));
    }
    return [];
  }

  it("needs what several processes share, when it is only a part of the server", () => {
    const needs = (role: string, name: string) =>
      `${name}: role ${role} needs it, the same one for all processes that share the work`;
    expect(mistakes("role: worker")).to.deep.equal([
      needs("worker", "DATABASE_URL"),
      needs("worker", "MERGEDOCK_REGISTRY_PASSWORD"),
      needs("worker", "MERGEDOCK_REGISTRY_CA_FILE"),
      needs("worker", "MERGEDOCK_ATTESTATION_KEY_FILE"),
    ]);
    expect(mistakes("role: worker\nattestations: { enabled: false }")).to.have.length(3);
    expect(mistakes(null, { MERGEDOCK_ROLE: "receiver", DATABASE_URL: "postgres://x/y" })).to.deep.equal([
      needs("receiver", "MERGEDOCK_WEBHOOK_SECRETS"),
      needs("receiver", "MERGEDOCK_ADMIN_TOKEN"),
    ]);
    const registry = { MERGEDOCK_REGISTRY_PASSWORD: "p", MERGEDOCK_REGISTRY_CA_FILE: "system" };
    writeFileSync(path.join(folder, "key.pem"), "the key\n");
    const worker = "role: worker\nattestations: { key_file: key.pem }";
    expect(load(worker, { DATABASE_URL: "postgres://x/y", ...registry }).role).to.equal("worker");
    expect(load("role: all").role).to.equal("all");
  });

  it("names the line and the column of a mistake in the file, and none of one in the environment", () => {
    const yaml = "workers: 0\nlisten:\n  api: nowhere\n  port: 1\nrepositories:\n  - name: acme/shop\n";
    const said = (env: Record<string, string> = {}) => {
      try {
        return String(load(yaml, env));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(said()).to.match(/workers: 0 .* \(mergedock\.yml:1:1\)/);
    expect(said()).to.match(/listen\.api: "nowhere" .* \(mergedock\.yml:3:3\)/);
    expect(said()).to.match(/listen: .*port.* \(mergedock\.yml:4:3\)/);
    expect(said()).to.match(/repositories\[0\]\.url: .* \(mergedock\.yml:6:5\)/);
    expect(said({ MERGEDOCK_LISTEN_API: "elsewhere" })).to.match(/listen\.api: "elsewhere" has to be [^(]*$/m);
  });

  it("leaves the hosts of base images and of ADD to the usual ones, and looks at bases every hour", () => {
    expect(load(null)).to.include({ baseRegistries: null, addHosts: null, baseWatchSeconds: 3_600 });
  });

  it("takes the hosts of base images and of ADD, for all repositories and for one", () => {
    const engine = "engine: { base_registries: [docker.io, 'localhost:5001'], add_hosts: ['*'] }";
    const repository =
      "{ name: acme/shop, url: https://forge.test/acme/shop.git, base_registries: [], add_hosts: ['[::1]:80'] }";
    const config = load(`${engine}\nbase_watch: { every_seconds: 60 }\nrepositories: [${repository}]`);
    expect(config).to.deep.include({
      baseRegistries: ["docker.io", "localhost:5001"],
      addHosts: ["*"],
      baseWatchSeconds: 60,
    });
    expect(config.repositories[0]).to.deep.include({ baseRegistries: [], addHosts: ["[::1]:80"] });
    expect(mistakes("engine: { base_registries: ['https://ghcr.io', 'ghcr.io/acme'] }")).to.deep.equal([
      'engine.base_registries[0]: "https://ghcr.io" has to be host or host:port, or *',
      'engine.base_registries[1]: "ghcr.io/acme" has to be host or host:port, or *',
    ]);
    expect(mistakes("base_watch: { every_seconds: -1 }")).to.have.length(1);
  });

  it("needs no file: everything has a default that stays on this machine", () => {
    const config = load(null);
    expect(config.listen).to.deep.equal({
      hosts: [],
      api: { host: "127.0.0.1", port: 8080 },
      webhooks: { host: "127.0.0.1", port: 8088 },
    });
    expect(config).to.include({
      stateFolder: path.join(folder, "state"),
      databaseUrl: null,
      engineHost: "unix:///var/run/docker.sock",
    });
    expect(config.registry).to.include({
      pushHost: "localhost:5000",
      apiUrl: "https://localhost:5000",
      caFile: null,
      username: "ci",
    });
    expect(Object.isFrozen(config) && Object.isFrozen(config.limits)).to.equal(true);
  });

  it("reads the file, with its paths relative to the file", () => {
    writeFileSync(path.join(folder, "password"), "the password\n");
    const config = load(`
      registry: { push_host: "registry.acme.test", api_url: https://registry.acme.test, ca_file: certs/ca.crt, password_file: password }
      repositories:
        - { name: acme/shop, url: https://github.com/acme/shop.git, branches: [main, "release/*"], services: [{ name: cart, context: services/cart }] }
        - { name: acme/Site, url: https://github.com/acme/Site.git }`);
    expect(config.registry).to.include({ caFile: path.join(folder, "certs/ca.crt"), password: "the password" });
    expect(config.repositories[0]?.services).to.deep.equal([{ ...usualService("cart"), context: "services/cart" }]);
    const own = { services: null, concurrency: null, fixed: {}, forbidden: [] };
    expect(config.repositories[1]).to.deep.include({ branches: ["main"], ...own });
  });

  it("lets the environment win over the file", () => {
    const config = load("listen: { api: 127.0.0.1:1 }", {
      MERGEDOCK_LISTEN_API: "[::1]:9090",
      MERGEDOCK_STATE_DIR: "elsewhere",
      DATABASE_URL: "postgres://db/ci",
    });
    expect(config.listen.api).to.deep.equal({ host: "::1", port: 9090 });
    expect(config).to.include({ stateFolder: path.join(folder, "elsewhere"), databaseUrl: "postgres://db/ci" });
  });

  it("attests images unless the file or the environment says otherwise", () => {
    expect(load(null).attestations).to.deep.equal({ enabled: true, key: null, builderId: null });
    const file = 'attestations: { enabled: false, builder_id: "https://ci.acme.test" }';
    expect(load(file).attestations).to.include({ enabled: false, builderId: "https://ci.acme.test" });
    expect(load(file, { MERGEDOCK_ATTESTATIONS_ENABLED: "true" }).attestations.enabled).to.equal(true);
    expect(load(null, { MERGEDOCK_ATTESTATIONS_ENABLED: "false" }).attestations.enabled).to.equal(false);
    const words = 'attestations.enabled: "perhaps" has to be true or false';
    expect(mistakes(null, { MERGEDOCK_ATTESTATIONS_ENABLED: "perhaps" })).to.deep.equal([words]);
    expect(load(null, { MERGEDOCK_ATTESTATION_KEY: "the key\n" }).attestations.key).to.equal("the key");
  });

  it("takes the engine of DOCKER_HOST where nothing else names one", () => {
    const env = { DOCKER_HOST: "unix:///run/user/1000/docker.sock" };
    expect(load(null, env).engineHost).to.equal("unix:///run/user/1000/docker.sock");
    expect(load(null, { ...env, MERGEDOCK_ENGINE_HOST: "tcp://engine:2375" }).engineHost).to.equal("tcp://engine:2375");
    const example = readFileSync(path.join(root, "mergedock.example.yml"), "utf8");
    expect(load(example, env).engineHost).to.equal("unix:///run/user/1000/docker.sock");
    expect(load("engine: { host: unix:///a.sock }", env).engineHost).to.equal("unix:///a.sock");
  });

  it("takes a file elsewhere, and then the environment's paths relative to where it was started", () => {
    writeFileSync(path.join(folder, "other.yml"), "workers: 7");
    const config = loadConfig({ env: { MERGEDOCK_CONFIG: "other.yml", MERGEDOCK_STATE_DIR: "s" }, folder });
    expect(config).to.include({ workers: 7, stateFolder: path.join(folder, "s") });
  });

  it("reads secrets from files, one webhook secret in each line", () => {
    writeFileSync(path.join(folder, "secrets"), `${"a".repeat(15)}b\n${"c".repeat(15)}d\n`);
    const config = load(null, { MERGEDOCK_WEBHOOK_SECRETS_FILE: "secrets", MERGEDOCK_ADMIN_TOKEN: "0123456789abcdef" });
    expect(config.webhookSecrets).to.deep.equal([`${"a".repeat(15)}b`, `${"c".repeat(15)}d`]);
    expect(config.adminToken).to.equal("0123456789abcdef");
  });

  it("reports every mistake at once, with where it stands, what it says and what is allowed", () => {
    const found = mistakes(
      `
      listen: { api: "8080" }
      registry: { api_url: http://registry:5000 }
      engine: { host: /var/run/docker.sock }
      wokers: 3
      repositories:
        - { name: shop, url: "git@github.com:acme/shop.git" }
        - { name: acme/shop, url: "https://ada:pw@github.com/acme/shop.git", branches: [], services: [{ name: a, context: ../b }, { name: a }] }
        - { name: acme/Shop, url: https://github.com/acme/shop.git }`,
      { MERGEDOCK_LOG_LEVEL: "loud", MERGEDOCK_LISTEN: "x" },
    );
    const expected = [
      'listen.api: "8080" has to be host:port, such as 127.0.0.1:8080',
      'registry.api_url: "http://registry:5000" has to be an https:// URL',
      'engine.host: "/var/run/docker.sock" has to be unix:///path or tcp://host:port',
      'Unrecognized key: "wokers"; did you mean "workers"? There are: role, ',
      'repositories[0].name: "shop" has to be owner/name, such as acme/shop',
      'repositories[0].url: "git@github.com:acme/shop.git" has to',
      "repositories[1].branches: has to name a branch, such as main",
      'repositories[1].services[0].context: "../b" must not lead out of the repository with ..',
      'log.level: "loud" Invalid option: expected one of "trace"|"debug"',
      "MERGEDOCK_LISTEN: there is no such variable; there are: DATABASE_URL, MERGEDOCK_ADMIN_TOKEN,",
    ];
    for (const line of expected)
      expect(
        found.some((one) => one.includes(line)),
        `${line} in ${found.join("\n")}`,
      ).to.equal(true);
  });

  it("reads what a repository builds and what it leaves out", () => {
    const [shop, site] = load(`
      repositories:
        - { name: acme/shop, url: https://a.test/a.git, paths: ["services/cart/**", "!**/*.md"], labels: [image],
            labels_ignore: [no-image], drafts: false, skip_directives: ["[skip image]"] }
        - { name: acme/site, url: https://a.test/b.git }`).repositories;
    expect(shop).to.deep.include({ paths: ["services/cart/**", "!**/*.md"], labels: ["image"], drafts: false });
    expect(shop).to.deep.include({ labelsIgnore: ["no-image"], skipDirectives: ["[skip image]"] });
    expect(site).to.deep.include({ paths: [], labels: [], labelsIgnore: [], drafts: true });
    expect(site?.skipDirectives).to.deep.equal(["[skip ci]", "[ci skip]", "[no ci]", "[skip mergedock]"]);
  });

  it("reads what of its images a repository's own file may not say", () => {
    const [shop, site] = load(`
      registries: [{ host: registry.acme.test }]
      repositories:
        - { name: acme/shop, url: https://a.test/a.git, secrets: { npm: n }, forbidden: [push_to, concurrency, needs, service],
            fixed: { target: runtime, no_cache: true, needs: [base], secrets: [npm], push_to: [registry.acme.test/shop] } }
        - { name: acme/site, url: https://a.test/b.git, concurrency: parallel }`).repositories;
    const fixed = {
      ...{ target: "runtime", noCache: true, needs: ["base"], secrets: ["npm"], pushTo: ["registry.acme.test/shop"] },
    };
    const forbidden = ["push_to", "concurrency", "needs", "service"];
    expect(shop).to.deep.include({ fixed, forbidden, concurrency: null });
    expect(site).to.deep.include({ fixed: {}, forbidden: [], concurrency: "parallel" });
  });

  it("reads how a private repository is entered, with its files relative to the file", () => {
    const accessOf = (url: string, access: string) =>
      load(`repositories: [{ name: acme/shop, url: "${url}", access: ${access} }]`).repositories[0]?.access;
    const url = "https://git.acme.test/acme/shop.git";
    const tokenFile = path.join(folder, "shop-token");
    const token = { kind: "token", tokenFile, username: "x-access-token" };
    expect(accessOf(url, "{ token_file: shop-token }")).to.deep.equal(token);
    expect(accessOf("http://127.0.0.1:3000/a/b", "{ token_file: shop-token }")).to.deep.equal(token);
    expect(accessOf(url, "{ token_file: /t, username: oauth2 }")).to.include({ tokenFile: "/t", username: "oauth2" });
    const app =
      "{ github_app: { app_id: 12, installation_id: 7, private_key_file: key.pem, api_url: https://a.test/ } }";
    const privateKeyFile = path.join(folder, "key.pem");
    const common = { kind: "github_app", appId: "12", privateKeyFile };
    expect(accessOf(url, app)).to.deep.equal({ ...common, installationId: 7, apiUrl: "https://a.test" });
    const least = "{ github_app: { app_id: 12, private_key_file: key.pem } }";
    expect(accessOf(url, least)).to.deep.equal({ ...common, installationId: null, apiUrl: null });
    expect(accessOf("ssh://git@a.test/a/b", "{ deploy_key_file: key, known_hosts_file: hosts }")).to.deep.equal({
      kind: "deploy_key",
      deployKeyFile: path.join(folder, "key"),
      knownHostsFile: path.join(folder, "hosts"),
    });
    expect(accessOf(url, "null")).to.equal(null);
  });

  const https = "https://a.test/a.git";
  const accessMistakes: [url: string, access: string, mistake: string][] = [
    [https, "{}", "access: needs exactly one of token_file, github_app, deploy_key_file"],
    [https, "{ token_file: a, deploy_key_file: b, known_hosts_file: c }", "access: needs exactly one of"],
    [https, "{ token: ghp_secret }", 'access: Unrecognized key: "token"; There are: token_file, '],
    [https, "{ token_file: '' }", "access.token_file:"],
    [https, "{ token_file: a, username: 'a:b' }", 'access.username: "a:b" must not hold a colon'],
    [
      https,
      "{ github_app: { app_id: 1, private_key_file: k }, username: a }",
      "access: username belongs to token_file",
    ],
    [
      https,
      "{ deploy_key_file: k, known_hosts_file: h }",
      "access: deploy_key_file needs a url that begins with ssh://",
    ],
    ["ssh://git@a.test/a", "{ deploy_key_file: k }", "access: needs both deploy_key_file and known_hosts_file"],
    ["ssh://git@a.test/a", "{ token_file: k }", "access: a token is for https://"],
    ["http://a.test/a", "{ token_file: k }", "access: a token is not sent over http://"],
    ["http://127.0.0.1.a.test/a", "{ token_file: k }", "access: a token is not sent over http://"],
    [
      https,
      "{ github_app: { app_id: 1, private_key_file: k, api_url: http://api.test } }",
      'access.github_app.api_url: "http://api.test" has to be https://',
    ],
  ];
  for (const [url, access, mistake] of accessMistakes) {
    it(`says what is wrong with access: ${access}`, () => {
      const found = mistakes(`repositories: [{ name: acme/shop, url: "${url}", access: ${access} }]`);
      expect(found.join("\n")).to.contain(`repositories[0].${mistake}`);
      expect(found.join("\n")).to.not.contain("ghp_secret");
    });
  }

  it("leaves out submodules and LFS unless they are asked for, and takes them from the repository's own host", () => {
    const read = (fields: string) => {
      const [repository] = load(
        `repositories: [{ name: a/b, url: "https://a.test:444/a/b.git", ${fields} }]`,
      ).repositories;
      return [repository?.submoduleHosts, repository?.lfsHosts];
    };
    expect(read("")).to.deep.equal([null, null]);
    expect(read("submodule_hosts: [b.test], lfs_hosts: [b.test]")).to.deep.equal([null, null]);
    expect(read("submodules: true, lfs: true")).to.deep.equal([["a.test:444"], ["a.test:444"]]);
    const named = "submodules: true, submodule_hosts: [github.com/acme], lfs: true, lfs_hosts: [b.test]";
    expect(read(named)).to.deep.equal([["github.com/acme"], ["b.test"]]);
    for (const [fields, mistake] of [
      ["submodules: true, submodule_hosts: []", "submodule_hosts: has to name a host"],
      ["submodules: true, submodule_hosts: ['https://a.test']", "has to be host or host/folder"],
      ["submodules: true, submodule_hosts: [a.test/../b]", "must not have . or .. as a segment"],
      ["lfs_hosts: [a.test/%2e%2e/b]", "must not have . or .. as a segment, nor %"],
    ] as const)
      expect(mistakes(`repositories: [{ name: a/b, url: https://a.test/a.git, ${fields} }]`)[0]).to.contain(mistake);
    expect(mistakes("repositories: [{ name: a/b, url: ssh://git@a.test/a.git, lfs: true }]")[0]).to.contain(
      "repositories[0].lfs: true needs a url that begins with https://",
    );
  });

  const filterMistakes: [string, string][] = [
    ["services: [{ name: a, needs: [b] }]", 'services[0].needs[0]: "b" there is no service "b"'],
    ["services: [{ name: a, needs: [a] }]", 'services[0].needs[0]: "a" goes in a circle: a needs a'],
    ["services: [{ name: a, secrets: [npm] }]", 'secrets[0]: "npm" is not among the secrets of this repository'],
    [
      "services: [{ name: a, push_to: [ghcr.io/a] }]",
      'push_to[0]: "ghcr.io/a" the server\'s configuration has no registry',
    ],
    ["services: [{ name: a, args: { DB_PASSWORD: x } }]", 'args.DB_PASSWORD: "x" looks like a secret'],
    ["fixed: { needs: [a, a] }", 'fixed.needs[1]: "a" stands here twice'],
    ["fixed: { needs: [a-b, a.b] }", 'fixed.needs[1]: "a.b" "a-b" and "a.b" would both be the argument A_B_IMAGE'],
    ["fixed: { needs: [a], args: { A_IMAGE: x } }", 'fixed.args.A_IMAGE: "x" is given by needs; choose another name'],
    [
      "fixed: { service: a }",
      'fixed.service: "a" cannot be fixed: the name tells one image from another; list them under',
    ],
    ["fixed: { name: a }", 'fixed: Unrecognized key: "name"'],
    ["fixed: { secrets: [npm] }", 'fixed.secrets[0]: "npm" is not among the secrets of this repository'],
    ["forbidden: [services]", 'forbidden[0]: "services" Invalid option: expected one of "context"|"dockerfile"'],
    ['paths: "src/**"', 'paths: "src/**" Invalid input: expected array'],
    ["paths: [/src]", 'paths[0]: "/src" has to begin with a folder or a file, such as services/cart/**'],
    ['paths: ["!/src"]', 'paths[0]: "!/src" has to begin with a folder or a file'],
    ['paths: ["!"]', 'paths[0]: "!" has to begin with a folder or a file'],
    ['paths: ["!!a"]', 'paths[0]: "!!a" has to begin with a folder or a file'],
    ['paths: ["a", ./src]', 'paths[1]: "./src" must not have . or .. as a segment'],
    ["paths: [../src]", 'paths[0]: "../src" must not have . or .. as a segment'],
    ["paths: ['a\\b']", 'paths[0]: "a\\\\b" has to be written with / between the segments'],
    ['paths: [""]', 'paths[0]: "" Too small'],
    [`paths: [${"a,".repeat(101)}]`, "paths: Too big: expected array to have <=100 items"],
    [`paths: [${"a".repeat(251)}]`, "Too big: expected string to have <=250 characters"],
    ["labels: [1]", "labels[0]: 1 Invalid input: expected string"],
    ['labels: [" "]', 'labels[0]: " " must not be blank'],
    ['labels_ignore: [""]', 'labels_ignore[0]: "" must not be blank'],
    ["drafts: maybe", 'drafts: "maybe" Invalid input: expected boolean'],
    ['skip_directives: [""]', 'skip_directives[0]: "" must not be blank'],
    ["labelsIgnore: [a]", 'Unrecognized key: "labelsIgnore"'],
  ];
  for (const [field, mistake] of filterMistakes) {
    it(`says what is wrong with ${field.slice(0, 40)}`, () => {
      const found = mistakes(`repositories: [{ name: acme/shop, url: https://a.test/a.git, ${field} }]`);
      expect(found.join("\n")).to.contain(mistake);
    });
  }

  it("keeps images in the registry until it says how many", () => {
    expect(load(null).retention).to.include({ keepLast: null });
    expect(load(null).limits).to.include({ engine_images_max: 300, log_days_max: 90, free_bytes_min: 2 * 1024 ** 3 });
    expect(load("retention: { keep_last: 5 }").retention).to.deep.equal({
      ...{ keepLast: 5, youngerThanDays: 14, keepTags: [] },
    });
    expect(load("engine: { dedicated: true }").engineIsDedicated).to.equal(true);
    expect(mistakes("retention: { keep_last: 0 }")).to.deep.equal([
      "retention.keep_last: 0 has to leave an image of each branch",
    ]);
    expect(mistakes("retention: { younger_than_days: 3 }").join()).to.contain("retention.keep_last:");
  });

  it("says which tag rule, flavor or label is wrong, and what is allowed", () => {
    const service = `{ name: a, tags: ["type=sha", "type=foo"], flavor: "latest=no", labels: { team: "{{nobody}}" } }`;
    const repository = `{ name: acme/shop, url: "https://forge.test/acme/shop.git", services: [${service}] }`;
    const found = mistakes(`repositories: [${repository}]`);
    const at = "repositories[0].services[0]";
    for (const words of [
      `${at}.tags[1]: "type=foo" the tag rule "type=foo": type has to be one of schedule, semver, pep440`,
      `${at}.flavor[0]: `,
      'the flavor "latest=no": latest has to be one of auto, true, false, not "no"',
      `${at}.labels.team: "{{nobody}}" "{{nobody}}" is not known; there are: {{branch}}, {{tag}}`,
    ])
      expect(found.join("\n")).to.contain(words);
    expect(found).to.have.length(3);
  });

  it("refuses a URL with a password and does not show it, and what stands there twice", () => {
    const found = mistakes(`
      repositories:
        - { name: acme/shop, url: "https://ada:pw-of-ada@github.com/acme/shop.git" }`);
    expect(found).to.have.length(1);
    expect(found[0]).to.contain("must not hold a password").and.not.contain("pw-of-ada");
    const token = mistakes("repositories: [{ name: acme/shop, url: https://ghp_token@github.com/acme/shop.git }]");
    expect(token[0]).to.contain("must not hold a password or a token").and.not.contain("ghp_token");
    expect(mistakes("repositories: [{ name: acme/shop, url: ssh://git@github.com/acme/shop.git }]")).to.deep.equal([]);
    const twice = mistakes(
      "repositories: [{ name: acme/shop, url: https://a.test/a.git }, { name: acme/Shop, url: https://a.test/a.git }]",
    );
    expect(twice).to.deep.equal(['repositories[1].name: "acme/Shop" stands here twice']);
  });

  it("says where YAML breaks", () => {
    expect(mistakes("workers: [1\nlisten: 2")[0]).to.match(/mergedock\.yml:\d+:\d+: /);
    expect(mistakes("- 1")[0]).to.contain("has to be a list of names and values");
  });

  for (const secret of [
    "",
    " ",
    "changeme",
    "change-me-please-123",
    "secretsecretsecret",
    "aaaaaaaaaaaaaaaaaaaa",
    "short",
  ]) {
    it(`T3: refuses the secret ${JSON.stringify(secret)} with the variable's name, and does not show it`, () => {
      for (const name of ["MERGEDOCK_WEBHOOK_SECRETS", "MERGEDOCK_ADMIN_TOKEN"]) {
        const found = mistakes(null, { [name]: secret });
        expect(found).to.have.length(1);
        expect(found[0]).to.match(new RegExp(`^${name}: .*openssl rand -hex 32$`));
        if (secret.trim() !== "") expect(found[0]).to.not.contain(secret);
      }
    });
  }

  it("names a file that is not there", () => {
    expect(mistakes(null, { MERGEDOCK_CONFIG: "none.yml" })).to.deep.equal([
      `MERGEDOCK_CONFIG: there is no file ${folder}/none.yml`,
    ]);
    expect(mistakes(null, { MERGEDOCK_ADMIN_TOKEN_FILE: "none" })).to.deep.equal([
      `MERGEDOCK_ADMIN_TOKEN_FILE: ${folder}/none cannot be read (ENOENT)`,
    ]);
  });
});
