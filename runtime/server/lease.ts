/** How long a server may answer strong reads by itself after a renewal (DESIGN section 5). One for each life. */

/** Clock rates of two machines are assumed to differ by less than this. */
const DRIFT_BOUND = 0.1
/** Ensembles of Apache ZooKeeper count epochs in the upper half of a zxid. Ours number the entries of their log, which are fewer. */
const APACHE_ZXID_MIN = 2 ** 32

export class Lease {
  readonly #touchLagMs: number
  /** When renewals that count were sent, in order. The leader has heard of the first one; of the others perhaps. */
  readonly #touches: number[]

  /**
   * @param options.openedAtMs - before the session was asked for. It is opened by the leader: no member in between keeps this first touch to itself.
   * @param options.touchLagMs - how late the ensemble's leader may hear of a touch, or never where the member in between dies first.
   */
  constructor({ openedAtMs, touchLagMs }: { readonly openedAtMs: number; readonly touchLagMs: number }) {
    this.#touchLagMs = touchLagMs
    this.#touches = [openedAtMs]
  }

  /**
   * A session ends a timeout after its leader last heard of a touch. Our leader carries out the renewal, and so hears of it. Apache ZooKeeper's does not count a write that a
   * follower passes on as a touch: followers tell it of touches only in their answers to its pings, which it sends every half tick. So a renewal that committed may be
   * unknown to it, and stay so: the follower dies, or is cut off together with us, before the next ping. What it has heard of for certain is the newest
   * renewal that was a tick old when this one was sent. (Had we moved to another member since, then that one asked the leader about the session: a touch.)
   *
   * @returns the end of the lease, now that the renewal has committed; null where the ensemble is Apache ZooKeeper, and its tick is not known.
   */
  renewed(renewal: {
    readonly sentAtMs: number
    readonly grantedMs: number
    readonly lastZxid: number
  }): number | null {
    const { sentAtMs, grantedMs, lastZxid } = renewal
    if (this.#touchLagMs === 0 && lastZxid >= APACHE_ZXID_MIN) return null
    const touches = this.#touches
    touches.push(sentAtMs)
    const heardUntil = sentAtMs - this.#touchLagMs
    for (let next = touches[1]; next !== undefined && next <= heardUntil; next = touches[1]) touches.shift()
    return (touches[0] ?? sentAtMs) + grantedMs * (1 - DRIFT_BOUND)
  }
}
