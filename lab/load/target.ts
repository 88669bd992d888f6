/** A store under load, as the load generator drives it: the same few calls for Catenary, its yardsticks and its peers. */

/** Keys have one byte per character. */
export type Operation =
  | { readonly type: 'read'; readonly key: string }
  /** Overwrites a value that is there. */
  | { readonly type: 'update'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'insert'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'scan'; readonly key: string; readonly limit: number }
  | { readonly type: 'read-modify-write'; readonly key: string; readonly value: Uint8Array }

export type OperationType = Operation['type']

/** What went wrong, or null. */
export type Done = (error: string | null) => void

export interface Target {
  /** Begins an operation. `done` is called exactly once, and never from inside of this call. */
  submit(operation: Operation, done: Done): void
  /** What was submitted in this turn leaves now, in as few pieces as the protocol allows. */
  flush(): void
  close(): Promise<void>
}

/** How to reach a store: data, since the load generator is a process of its own. `kind` names a module of `targets/`. */
export type TargetSpec =
  /** A Catenary cluster, over the native protocol. `reads`: whom to ask; a number is the place in the chain, from the head's 0. */
  | {
      readonly kind: 'catenary'
      /** `host:port` of servers, any of which gives the map. */
      readonly servers: readonly string[]
      readonly reads: 'any' | 'head' | 'tail' | number
      readonly consistency: 'strong' | 'eventual'
    }
  /** A bare yardstick: one process, or a row of them, without any protocol. `codec`: see `lab/bench`. */
  | { readonly kind: 'bare'; readonly port: number; readonly codec: 'fields' | 'fixed' }
  | {
      readonly kind: 'etcd'
      readonly endpoints: readonly string[]
      readonly reads: 'linearizable' | 'serializable'
    }
  | {
      readonly kind: 'zookeeper'
      readonly endpoints: readonly string[]
      readonly reads: 'stale' | 'sync'
    }
  | { readonly kind: 'jetstream'; readonly endpoints: readonly string[]; readonly bucket: string }
  /** `wait`: replicas that each write is confirmed by (WAIT), 0 for none. */
  | {
      readonly kind: 'redis'
      readonly endpoint: string
      readonly wait: number
    }
