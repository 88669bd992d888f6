/** Messages on their way, for who looks on and for hands that reach in. Nothing of this happens in a run that nobody watches. */

/** One message of a link. */
export interface Parcel {
  /** Counts all messages of a network. */
  readonly id: number
  /** Counts those of this end of its link. */
  readonly number: number
  readonly body: unknown
  readonly sentUs: number
  /** When it arrives, unless something comes between; -1: it has not left yet. */
  dueUs: number
  /** Numbers what was done to it by hand: an earlier delay is void. */
  stops: number
  /** Held by hand, and all behind it. */
  stopped: boolean
  /** Lost by hand. Those behind it come all the same, which TCP would not do. */
  dropped: boolean
}

export interface ParcelSight {
  readonly id: number
  readonly from: string
  readonly to: string
  /** From the end that dialled: a request, where the door answers. */
  readonly byDialler: boolean
  /** The door that the link was dialled at. */
  readonly door: string
  readonly body: unknown
  readonly sentUs: number
  /** Null while it is held. */
  readonly dueUs: number | null
  readonly held: 'hand' | 'behind' | 'cut' | 'connecting' | null
}

/** `deliver`: now, with all before it on its link. `hold`: until it is delivered or dropped. `break`: the link, with all that is on it. */
export type ParcelDeed =
  | { readonly type: 'drop' | 'deliver' | 'hold' | 'break' }
  | { readonly type: 'delay'; readonly byUs: number }

export interface NetworkWatcher {
  sent(parcel: ParcelSight): void
  /** Its receiver handles it now. @returns its body, or another one in its place. */
  handles(parcel: ParcelSight): unknown
  /** It will never arrive. */
  lost(id: number): void
}
