// Lab 2: CRAQ reads. Begin with your lab 1. docs/labs/2-craq-reads.md

/** Which lab this file is. */
export const lab = 2

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

  /** A client asks the head. */
  onPut(request: number, key: string, value: string): void {
    throw new Error('your turn: onPut')
  }

  /** A client asks any replica. Is the key clean here, or dirty? */
  onGet(request: number, key: string): void {
    throw new Error('your turn: onGet')
  }

  /** Appends, acknowledgements, version queries and their replies. */
  onMessage(from: string, message: unknown): void {
    throw new Error('your turn: onMessage')
  }

  /** Requests of the puts that you hold, the oldest first: the grader compares the replicas. */
  log(): number[] {
    return []
  }
}
