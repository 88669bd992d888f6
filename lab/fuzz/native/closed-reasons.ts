interface Line {
  readonly server: string
  readonly remote: string
  readonly reason: string
  readonly atMs: number
}

/** Why servers closed connections, as their logs have it. */
export class ClosedReasons {
  /** By server and remote. There may be several: a port is soon used again, and not every connection has its line. */
  readonly #lines = new Map<string, Line[]>()

  add(server: string, remote: string, reason: string): void {
    const line = { server, remote, reason, atMs: performance.now() }
    const lines = this.#lines.get(keyOf(line))
    if (lines === undefined) this.#lines.set(keyOf(line), [line])
    else lines.push(line)
  }

  /** A line of a log. What is about something else is passed over. */
  addLine(server: string, text: string): void {
    if (!text.includes('"reason"')) return
    const { remote, reason } = JSON.parse(text) as { remote?: string; reason?: string }
    if (remote !== undefined && reason !== undefined) this.add(server, remote, reason)
  }

  /** Takes a line that says this of that connection. False: there is none, or not yet. */
  take(of: { readonly server: string; readonly remote: string; readonly reason: RegExp }): boolean {
    const lines = this.#lines.get(keyOf(of)) ?? []
    const index = lines.findIndex(({ reason }) => of.reason.test(reason))
    if (index < 0) return false
    lines.splice(index, 1)
    if (lines.length === 0) this.#lines.delete(keyOf(of))
    return true
  }

  /** A line that nobody has taken for so long; null where there is none. */
  untaken(forMs: number): Line | null {
    const beforeMs = performance.now() - forMs
    for (const lines of this.#lines.values()) for (const line of lines) if (line.atMs < beforeMs) return line
    return null
  }
}

const keyOf = ({ server, remote }: { readonly server: string; readonly remote: string }) =>
  `${server} ${remote}`
