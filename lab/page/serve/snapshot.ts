/** What the page is told of a real cluster. Plain data, read by the server and by the page: nothing of Node, nothing of the browser. */

export interface LiveMember {
  readonly server: string
  readonly serving: boolean
  readonly leaving: boolean
}

/** As the replica with the newest epoch tells it. */
export interface LiveChain {
  readonly chain: string
  readonly epoch: number
  /** Head first. */
  readonly members: readonly LiveMember[]
  readonly joining: string | null
}

export interface LiveReplica {
  readonly chain: string
  readonly role: string
  readonly epoch: number
  readonly serving: boolean
  readonly leaving: boolean
  readonly last: number
  readonly durable: number
  readonly commit: number
  readonly dirty: number
  readonly keys: number
  readonly receivingSnapshot: boolean
  readonly waitingReads: number
  /** Questions to the tail so far (CRAQ §2.3). */
  readonly versionQueries: number
  /** Null: it has none, or what keeps the copies alike is no chain. `lag`: entries that it is not known to have. */
  readonly successor: { readonly server: string; readonly lag: number; readonly hopMs: number } | null
}

/** Of the time since the look before. Null: there was nothing to measure. */
export interface LiveRates {
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  readonly readP50Ms: number | null
  readonly readP99Ms: number | null
  readonly writeP50Ms: number | null
  readonly writeP99Ms: number | null
}

interface LiveProcess {
  readonly name: string
  readonly address: string
  readonly answers: boolean
  /** Why it does not answer. */
  readonly error: string | null
}

export interface LiveServer extends LiveProcess {
  readonly incarnation: number
  readonly leaseMs: number
  readonly storage: string
  readonly pendingRequests: number
  readonly residentBytes: number
  readonly replicas: readonly LiveReplica[]
  readonly rates: LiveRates | null
}

export interface LiveCoordinator extends LiveProcess {
  readonly role: string
  readonly term: number
  readonly leader: string | null
  /** In this term. */
  readonly votedFor: string | null
  /** Of the newest slots of its log, oldest first. */
  readonly recentTerms: readonly { readonly index: number; readonly term: number }[]
  readonly commit: number
  readonly applied: number
  readonly lastIndex: number
  readonly sessions: number
  readonly znodes: number
  readonly watches: number
  readonly manager: { readonly leads: boolean; readonly lastChange: string | null } | null
}

export interface LiveSnapshot {
  /** Milliseconds since 1970, by the clock of the one who looked. */
  readonly atMs: number
  readonly servers: readonly LiveServer[]
  readonly coordinators: readonly LiveCoordinator[]
  /** Addresses that have never answered, so that nobody knows what they are. */
  readonly strangers: readonly LiveProcess[]
  readonly chains: readonly LiveChain[]
  readonly rates: LiveRates | null
}

export interface StoryLine {
  readonly atMs: number
  readonly kind: 'good' | 'bad' | 'plain'
  readonly text: string
}

/** One event of `/live/events`. */
export type LiveEvent =
  /** The page is served by itself; there is no cluster to show. */
  | { readonly type: 'alone' }
  | {
      readonly type: 'look'
      readonly snapshot: LiveSnapshot
      /** The lines that are new; in the first event, all that are kept. */
      readonly story: readonly StoryLine[]
      readonly controls: LiveControls | null
    }

/** For a cluster that the server of the page has started itself. */
export interface LiveControls {
  readonly token: string
  readonly processes: readonly { readonly name: string; readonly runs: boolean }[]
  /** Why nothing may be killed just now; null: it may. */
  readonly busy: string | null
}
