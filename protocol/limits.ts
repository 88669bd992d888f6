/** Bounds that clients check before they send and replicas check again: the same numbers on both sides. */

/** A key has 1 to this many bytes. */
export const KEY_BYTES_MAX = 4096
/** A value, and all values of one transaction together, have at most this many bytes. */
export const VALUE_BYTES_MAX = 8 * 1024 * 1024
/** Keys that one transaction or multi-get may name. */
export const KEYS_PER_COMMAND_MAX = 1024
