// Lab 3: members die, another joins. Begin with your lab 1. docs/labs/3-failures.md

/** Which lab this file is. */
export const lab = 3

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
  /** This replica is not the one to ask. The client knows that nothing happened. */
  refuse(request: number): void
  /** At the joiner: it holds all that the tail held, in this epoch. The manager then makes it the tail, in the next epoch. */
  caughtUp(epoch: number): void
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

  /** Each replica hears of each epoch in its own time; the epochs come in order, and some replicas hear sooner than others. */
  onConfig(config: Config): void {
    this.config = config
  }

  /** A client asks. Are you the head? */
  onPut(request: number, key: string, value: string): void {
    throw new Error('your turn: onPut')
  }

  /** A client asks. Are you the tail, and do you hold what the last one held? */
  onGet(request: number, key: string): void {
    throw new Error('your turn: onGet')
  }

  /** It may come from an epoch that is over, or that you have not heard of yet. */
  onMessage(from: string, message: unknown): void {
    throw new Error('your turn: onMessage')
  }

  /** Requests of the puts that you hold, the oldest first: the grader compares the replicas. */
  log(): number[] {
    return []
  }
}
