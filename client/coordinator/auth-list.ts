import type { RequestOf } from '../../protocol/zookeeper/ops.ts'
import { type CoordinatorError, errorOf } from './errors.ts'

interface Entry {
  readonly request: RequestOf<'auth'>
  readonly onDone: () => void
  readonly onFail: (error: CoordinatorError) => void
}

/**
 * What the client has shown to be. The server forgets it with the connection: each one is shown again at the next member. Their replies
 * come in their own order, ahead of those of other requests.
 */
export class AuthList {
  #entries: Entry[] = []
  /** Sent on this connection, not yet answered. */
  #sent: Entry[] = []

  /** @param isOpen - it is sent now; else with all others when a connection opens. */
  add(
    shown: { readonly scheme: string; readonly auth: Uint8Array },
    isOpen: boolean,
  ): { readonly request: RequestOf<'auth'>; readonly done: Promise<void> } {
    const request = { type: 'auth', authType: 0, ...shown } as const
    const done = new Promise<void>((onDone, onFail) => {
      const entry: Entry = { request, onDone, onFail }
      this.#entries.push(entry)
      if (isOpen) this.#sent.push(entry)
    })
    return { request, done }
  }

  /** All of them, for a new connection. */
  requests(): readonly RequestOf<'auth'>[] {
    this.#sent = [...this.#entries]
    return this.#sent.map(({ request }) => request)
  }

  /** The oldest one that waits was answered. What was refused is not shown again. */
  onReply(err: number): void {
    const entry = this.#sent.shift()
    if (entry === undefined) return
    if (err === 0) {
      entry.onDone()
      return
    }
    this.#entries = this.#entries.filter((other) => other !== entry)
    entry.onFail(errorOf(err, `addAuth ${entry.request.scheme}`))
  }

  /** No reply will come any more. What was shown is kept for a session to come. */
  failAll(error: CoordinatorError): void {
    for (const { onFail } of this.#entries) onFail(error) // nothing, where it was answered before
  }
}
