/** Bounds that clients check before they send and replicas check again: the same numbers on both sides. */

/** A key has 1 to this many bytes. */
export const KEY_BYTES_MAX = 4096
/** A value, all values that one transaction writes together, and all that it reads, have at most this many bytes. */
export const VALUE_BYTES_MAX = 8 * 1024 * 1024
/** The values that one multi-get brings back have at most this many bytes together: the reply must fit into a frame. */
export const READ_BYTES_MAX = 32 * 1024 * 1024
/** Keys that one transaction or multi-get may name. */
export const KEYS_PER_COMMAND_MAX = 1024
/** Messages of a client in one body: what one turn of a server has to deal with must not keep all others waiting. */
export const CLIENT_MESSAGES_MAX = 16_384
/** Messages of a server in one body. */
export const CHAIN_MESSAGES_MAX = 100_000
/** Replies to a client in one body. */
export const SERVER_MESSAGES_MAX = 262_144
/** Items of all lists in one body: far more than a turn has to say, and too few to fill a memory. */
export const BODY_ITEMS_MAX = 1_048_576
/** A chain's configuration as text. Nobody makes a parser of JSON work through more than this for a peer. */
export const CONFIG_BYTES_MAX = 512 * 1024
