// Where a build writes what it does.

export type LogStream = "stdout" | "stderr";

/** Where a line comes from. `step`: its number within the image's build. `stream`: only where the step itself printed it. */
export interface LineOrigin {
  readonly service?: string;
  readonly step?: number;
  readonly stream?: LogStream;
}

/** Takes one line of a build's log, or several with line ends between them; never blocks and never throws. */
export type WriteLine = (text: string, origin?: LineOrigin) => void;
