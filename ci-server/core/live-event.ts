// What a viewer of something that grows is told.

/** `id`: where the viewer stands after it; it goes on from there. Null: it stands where it stood. `data`: becomes JSON. */
export interface LiveEvent {
  readonly id: string | null;
  /** Null tells nothing but the position. */
  readonly name: string | null;
  /** JSON in one line. */
  readonly data: string;
}
