/** Something that no client may bring about. */
export class FuzzError extends Error {}
