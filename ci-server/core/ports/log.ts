// Where a build writes what it does.

/** Takes one line of a build's log; never blocks and never throws. */
export type WriteLine = (text: string) => void;
