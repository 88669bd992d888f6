/** What the visitor does to a run. Recorded with its time, an action is part of the run: a link that holds all of them replays it. */

export type Action =
  | { readonly type: 'client'; readonly client: string; readonly op: ClientOperation }
  | { readonly type: 'crash' | 'restart' | 'pause' | 'resume' | 'power-cut'; readonly node: string }
  /** Everybody loses power at once: all servers and coordinators. */
  | { readonly type: 'blackout' }
  /** Everything that it handles takes so long. 0: as fast as ever. */
  | { readonly type: 'slow'; readonly node: string; readonly costMs: number }
  /** Its clock runs at this rate from now on. 1: as it should. */
  | { readonly type: 'skew'; readonly node: string; readonly rate: number }
  | { readonly type: 'cut' | 'heal'; readonly from: string; readonly to: string; readonly both: boolean }
  /** Cut off from all servers and coordinators, or back. Clients still reach it. */
  | { readonly type: 'isolate' | 'rejoin'; readonly node: string }
  /** Heals every link. */
  | { readonly type: 'heal-all' }
  | { readonly type: 'slow-link'; readonly from: string; readonly to: string; readonly factor: number }
  | {
      readonly type: 'message'
      readonly id: number
      /** `deliver` takes along what is before it on the same link, `hold` and `delay` what is behind it: links are first in, first out. */
      readonly do: 'drop' | 'deliver' | 'hold' | 'delay'
      /** For `delay`. Default: 100. */
      readonly byMs?: number
    }
  /** The operator asks a server to leave its chains, or lets it come back. */
  | { readonly type: 'drain' | 'undrain'; readonly node: string }
  /** Another server, empty, joins. */
  | { readonly type: 'add-server' }
  /** A client of the coordinators: the visitor's own session. */
  | { readonly type: 'znode'; readonly op: ZnodeOperation }

export type ActionType = Action['type']

export type ReadConsistency = 'strong' | 'eventual' | 'bounded-age' | 'bounded-versions'

/** Keys and values are short texts. */
export type ClientOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | {
      readonly type: 'get'
      readonly key: string
      /** The replica that is to answer. Absent: the client's core chooses. */
      readonly at?: string
      /** Default: strong. */
      readonly consistency?: ReadConsistency
      /** Of `bounded-age` in ms, of `bounded-versions` in versions. */
      readonly bound?: number
    }
  | { readonly type: 'increment'; readonly key: string; readonly by: number }
  /** `expect` null: the key is absent. */
  | { readonly type: 'cas'; readonly key: string; readonly expect: string | null; readonly value: string }
  | { readonly type: 'append'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }

export type ZnodeOperation =
  | {
      readonly type: 'create'
      readonly path: string
      readonly data: string
      readonly ephemeral?: boolean
      readonly sequential?: boolean
    }
  | { readonly type: 'set'; readonly path: string; readonly data: string }
  | { readonly type: 'get'; readonly path: string; readonly watch?: boolean }
  | { readonly type: 'delete'; readonly path: string }
  | { readonly type: 'sync'; readonly path: string }

export interface TimedAction {
  /** Virtual ms since the run began. */
  readonly atMs: number
  /** After so many events of the simulator. Absent (written by hand): after all up to `atMs`. */
  readonly after?: number
  readonly action: Action
}
