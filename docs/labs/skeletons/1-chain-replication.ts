// Lab 1: chain replication. docs/labs/1-chain-replication.md

/** Which lab this file is. */
export const lab = 1

interface Config {
  readonly epoch: number
  /** Head first. */
  readonly members: readonly string[]
  readonly joining: string | null
}

/** What you are given: the network, and the clients. */
interface Out {
  /** Links are FIFO. The message is copied: send plain data. */
  send(to: string, message: unknown): void
  /** Answers a client: a get with its value or null, a put with null. */
  reply(request: number, value: string | null): void
}

export function createReplica(self: string, out: Out) {
  return new Replica(self, out)
}

class Replica {
  readonly self: string
  readonly out: Out
  config: Config | null = null

  constructor(self: string, out: Out) {
    this.self = self
    this.out = out
  }

  /** Once, before all else. */
  onConfig(config: Config): void {
    this.config = config
  }

  /** A client asks the head. Pass it on; who may answer, and when? */
  onPut(request: number, key: string, value: string): void {
    throw new Error('your turn: onPut')
  }

  /** A client asks the tail. */
  onGet(request: number, key: string): void {
    throw new Error('your turn: onGet')
  }

  /** From another replica: whatever you send to each other. */
  onMessage(from: string, message: unknown): void {
    throw new Error('your turn: onMessage')
  }

  /** Requests of the puts that you hold, the oldest first: the grader compares the replicas. */
  log(): number[] {
    return []
  }
}
