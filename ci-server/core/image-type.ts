// What an image is made for. Alone in its file: the command line offers these words before it loads anything else.

export const imageTypes = ["docker", "ami"] as const;
export type ImageType = (typeof imageTypes)[number];
