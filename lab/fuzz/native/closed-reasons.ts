/** Why servers closed connections, as their logs have it. */
export class ClosedReasons {
  readonly #byRemote = new Map<string, string[]>()
  /** Connections that were closed without a line of their own: a server does not write more than so many a second. */
  unsaid = 0

  add(remote: string, reason: string): void {
    const reasons = this.#byRemote.get(remote)
    if (reasons === undefined) this.#byRemote.set(remote, [reason])
    else reasons.push(reason)
  }

  /** A line of a log. What is about something else is passed over. */
  addLine(line: string): void {
    if (!line.includes('"reason"')) return
    const { remote, reason, unsaid } = JSON.parse(line) as {
      remote?: string
      reason?: string
      unsaid?: number
    }
    if (remote !== undefined && reason !== undefined) this.add(remote, reason)
    this.unsaid += unsaid ?? 0
  }

  /** The oldest that has not been taken; null where there is none. */
  take(remote: string): string | null {
    const reasons = this.#byRemote.get(remote)
    const reason = reasons?.shift() ?? null
    if (reasons?.length === 0) this.#byRemote.delete(remote)
    return reason
  }
}
