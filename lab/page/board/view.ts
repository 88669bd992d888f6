/** What the page shows of one moment of a run. Plain data, frozen by habit: parts that did not change are the same objects as in the view before. */

/** Everything, at one moment. Times are in virtual milliseconds since the run began; names are those of processes (`n1`, `coordinator-1`, `client-1`). */
export interface BoardView {
  readonly atMs: number
  /** Events of the simulator so far. */
  readonly events: number
  readonly servers: readonly ServerView[]
  readonly coordinators: readonly CoordinatorView[]
  readonly clients: readonly ClientView[]
  /** Newest configuration of each chain that the coordinators have committed; chains without one are absent. */
  readonly configs: readonly ConfigView[]
  /** On their way, oldest first: at most `MESSAGES_SHOWN_MAX`, the rest is `messagesHidden`. */
  readonly messages: readonly MessageView[]
  readonly messagesHidden: number
  readonly links: readonly LinkFaultView[]
  /** The tree as committed, by path; of the coordinator that has applied most. */
  readonly znodes: readonly ZnodeView[]
  readonly sessions: readonly SessionView[]
  readonly watches: readonly WatchView[]
  /** What the visitor asked the coordinators, and heard; fired watches, too. Newest last. */
  readonly answers: readonly ZnodeAnswerView[]
  /** What ran last. */
  readonly caption: CaptionView | null
  /** Arrows of the space-time diagram so far: `board.arrows(fromMs, toMs)` gives them. */
  readonly arrowCount: number
}

/** `silent`: of a process elsewhere, which does not answer; nobody knows more. */
export type ProcessState = 'up' | 'paused' | 'crashed' | 'silent'

export interface ProcessView {
  readonly name: string
  readonly state: ProcessState
  /** Counts its lives. */
  readonly life: number
  /** 1.1: its clock runs a tenth too fast. */
  readonly clockRate: number
  /** What everything that it handles costs it, beyond the usual. 0: as fast as ever. */
  readonly slowMs: number
}

export interface ServerView extends ProcessView {
  /** One per chain that it has a replica of. Those of a server that is down are empty: nobody knows. */
  readonly replicas: readonly ReplicaView[]
  /** Its coordinator session: what the lease rests on. Null where there is none. */
  readonly lease: LeaseView | null
}

export interface LeaseView {
  /** When it ends, in virtual ms (its own clock's rate included). In the past: it has run out. */
  readonly untilMs: number
  /** The length of a fresh one. */
  readonly lengthMs: number
}

/** 0 to 1: what a draining ring shows. */
export const leaseFraction = (lease: LeaseView | null, atMs: number): number =>
  lease === null ? 0 : Math.max(0, Math.min(1, (lease.untilMs - atMs) / lease.lengthMs))

export type ReplicaRole = 'only' | 'head' | 'middle' | 'tail' | 'joining' | 'removed' | 'outside'

export interface ReplicaView {
  readonly chain: string
  /** As the replica itself believes, by the configuration that it has seen. Raft's words: of a real cluster that keeps its copies alike by Raft. */
  readonly role: ReplicaRole | RaftRole
  /** Of that configuration; 0: none yet. A deposed replica's is older than the chain's. */
  readonly epoch: number
  /** In its own belief it answers for its part of the chain. */
  readonly serving: boolean
  readonly leaving: boolean
  /** Marks on its log: newest entry, newest that survives a power cut here, newest that it knows to be so at every member above too, newest committed. */
  readonly last: number
  readonly durable: number
  readonly chainDurable: number
  readonly commit: number
  /** The newest entries of its log, oldest first: at most `LOG_SHOWN_MAX`. */
  readonly log: readonly ChainEntryView[]
  /** By key, in byte order: at most `KEYS_SHOWN_MAX`. */
  readonly keys: readonly KeyView[]
  /** Reads that wait here for a version reply, or a barrier. */
  readonly waitingReads: number
  readonly question: 'version' | 'barrier' | null
}

export interface ChainEntryView {
  readonly seq: number
  readonly epoch: number
  /** `x=5`, `delete x`, `session`... */
  readonly text: string
  readonly state: 'dirty' | 'clean'
}

export interface KeyView {
  readonly key: string
  /** Newest first: dirty ones above, the clean one last. */
  readonly versions: readonly VersionView[]
}

export interface VersionView {
  readonly version: number
  /** Null: a deletion. */
  readonly value: string | null
  readonly state: 'clean' | 'dirty'
}

export type RaftRole = 'leader' | 'follower' | 'candidate' | 'pre-candidate'

export interface CoordinatorView extends ProcessView {
  /** Null while it is down. */
  readonly raft: RaftView | null
  /** It leads the manager election: it is the one who writes configurations. */
  readonly manages: boolean
}

export interface RaftView {
  readonly role: RaftRole
  readonly term: number
  readonly votedFor: string | null
  /** Of this term, once heard. */
  readonly leader: string | null
  /** Who has granted it a vote in the election that it stands in. */
  readonly votes: readonly string[]
  readonly last: number
  readonly durable: number
  readonly commit: number
  /** What the snapshot stands for; index 0: none. */
  readonly snapshot: { readonly index: number; readonly term: number }
  /** The newest slots, oldest first: at most `LOG_SHOWN_MAX`. */
  readonly log: readonly RaftSlotView[]
  /** As the leader sees the others; empty at the others. */
  readonly peers: readonly { readonly name: string; readonly match: number; readonly next: number }[]
}

export interface RaftSlotView {
  readonly index: number
  readonly term: number
  /** `no-op`, `setData /catenary/chains/c0`, ... */
  readonly text: string
  readonly committed: boolean
}

export interface ConfigView {
  readonly chain: string
  readonly epoch: number
  /** Head first. */
  readonly members: readonly {
    readonly server: string
    readonly serving: boolean
    readonly leaving: boolean
  }[]
  readonly joining: string | null
}

export interface ClientView extends ProcessView {
  /** Newest last: at most `OPERATIONS_SHOWN_MAX`. */
  readonly operations: readonly OperationView[]
}

export interface OperationView {
  /** The number that verdicts name. */
  readonly id: number
  /** `put x=5`, `get x at n2`, ... */
  readonly text: string
  readonly key: string
  readonly calledMs: number
  /** Null while it is open. */
  readonly returnedMs: number | null
  /** `unknown`: it may have happened, or may yet. */
  readonly state: 'open' | 'ok' | 'failed' | 'unknown'
  /** What it answered, or why not; null while it is open. */
  readonly answer: string | null
  /** False for weak reads, of which nothing is promised but what docs/GUARANTEES says. */
  readonly judged: boolean
}

export interface MessageView {
  /** Names it in actions. The same in every replay. */
  readonly id: number
  readonly from: string
  readonly to: string
  /** Which protocol: between replicas, client to server, between coordinators, or ZooKeeper's with a coordinator. */
  readonly plane: Plane
  /** `append 7..9`, `ack 7`, `version-query`, `vote-request term 3`, ... One per kind in a batch, joined by commas. */
  readonly label: string
  /** Of the first message in it; what decides colour and caption. */
  readonly kind: string
  /** Field by field, decoded, ready to be shown. */
  readonly fields: readonly FieldView[]
  readonly sentMs: number
  /** When it arrives; null where nobody can tell (it is held). */
  readonly dueMs: number | null
  /** `visitor`: by hand. `behind`: after one that is held by hand. `cut`: the link is cut. `connecting`: it waits for the link. */
  readonly held: 'visitor' | 'behind' | 'cut' | 'connecting' | null
  /** Heartbeats, pings and their answers: hidden by default. */
  readonly routine: boolean
}

export type Plane = 'chain' | 'client' | 'raft' | 'zookeeper'

export interface FieldView {
  readonly name: string
  readonly value: string
}

/** A link that is not as it should be, one way. */
export interface LinkFaultView {
  readonly from: string
  readonly to: string
  readonly cut: boolean
  /** Times as slow as usual. */
  readonly slow: number
}

export interface ZnodeView {
  readonly path: string
  readonly data: string
  readonly dataVersion: number
  readonly czxid: number
  readonly mzxid: number
  /** The session that it ends with, as in `SessionView.id`; null: not ephemeral. */
  readonly owner: string | null
}

export interface SessionView {
  readonly id: string
  readonly timeoutMs: number
  /** The coordinator that it is connected to. */
  readonly at: string
  readonly ephemerals: readonly string[]
  /** Whose it is, where its ephemerals tell. */
  readonly who: string | null
}

export interface WatchView {
  readonly coordinator: string
  readonly count: number
}

export interface ZnodeAnswerView {
  readonly text: string
  readonly calledMs: number
  readonly returnedMs: number | null
  readonly answer: string | null
}

export interface CaptionView {
  readonly atMs: number
  /** The process that it ran in. */
  readonly who: string
  /** In words, `n2 handles append 7..9 from n1`. */
  readonly text: string
  /** The function that ran, and where it is in the repository. */
  readonly handler: string
  readonly file: string
  /** `CRAQ §2.3`, `Raft §5.3`, `DESIGN §4`; null where no paper speaks of it. */
  readonly paper: string | null
}

/** One message of the space-time diagram. Append-only, oldest first. */
export interface ArrowView {
  readonly id: number
  readonly from: string
  readonly to: string
  readonly plane: Plane
  readonly kind: string
  readonly label: string
  readonly sentMs: number
  /** When it arrived, or was lost (`lost` tells). Null: it is still on its way. */
  readonly receivedMs: number | null
  readonly lost: boolean
  readonly routine: boolean
}

export type MarkKind =
  | 'action'
  | 'reconfiguration'
  | 'election'
  | 'dirty-read'
  | 'crash'
  | 'restart'
  | 'violation'
  | 'not-linearizable'

/** Something worth jumping to. */
export interface MarkView {
  readonly atMs: number
  readonly kind: MarkKind
  readonly text: string
}

export interface BoardHistory {
  /** How far the run has come; what can be shown by `seek`. */
  readonly spanMs: number
  readonly marks: readonly MarkView[]
}

/** What the judge says of the clients' history so far. */
export interface BoardVerdict {
  readonly judgement: 'linearizable' | 'not-linearizable' | 'unknown'
  readonly operations: number
  /** In words, why not; null where all is well. */
  readonly reason: string | null
  /** Ids of the operations of the shortest history that was found which is not linearizable either: to be highlighted. */
  readonly culprits: readonly number[]
  /** An order that explains what was seen, as ids: where the judge puts the points. Of the key in question where it is not linearizable. */
  readonly order: readonly number[]
  /** Promises of the protocol that were seen broken, by name, oldest first. */
  readonly violations: readonly ViolationView[]
}

export interface ViolationView {
  readonly atMs: number
  /** A name of docs/INVARIANTS.md, or null for a plain bug. */
  readonly invariant: string | null
  readonly text: string
}

export const MESSAGES_SHOWN_MAX = 400
export const LOG_SHOWN_MAX = 24
export const KEYS_SHOWN_MAX = 24
export const OPERATIONS_SHOWN_MAX = 50
export const ZNODES_SHOWN_MAX = 200
