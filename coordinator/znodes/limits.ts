/** Bounds of the tree's member-side state. */
export const LIMITS = {
  /** Watches of one connection, both tables together. */
  watchesPerConnectionMax: 100_000,
  /** UTF-16 units of the paths that one connection watches, both tables together. */
  watchBytesPerConnectionMax: 16 * 1024 * 1024,
  /** What the answer to one multiRead holds before its further reads are refused: a short request may name a large znode thousands of times. */
  multiReadBytesMax: 16 * 1024 * 1024,
  /** Unanswered requests of one connection at which its socket should no longer be read. */
  pendingRequestsPause: 1_000,
  /** Bytes of unanswered requests of one connection at which its socket should no longer be read. */
  pendingBytesPause: 4 * 1024 * 1024,
  /** Unanswered requests at which the connection is closed: its reader did not pause. */
  pendingRequestsMax: 16_000,
  /** Containers and TTL znodes that one look for them may end. */
  reapedPerCheckMax: 1_000,
} as const
