/** What INFO counts. */
export class Statistics {
  connectionsReceived = 0
  connectionsRejected = 0
  commands = 0
  errors = 0
  inputBytes = 0
  outputBytes = 0
  hits = 0
  misses = 0
  redirections = 0
  protocolErrors = 0
  readonly errorCodes = new Map<string, number>()

  countError(text: string): void {
    this.errors++
    const blank = text.indexOf(' ')
    const code = (blank < 0 ? text : text.slice(0, blank)).slice(0, 32)
    if (this.errorCodes.size < 128 || this.errorCodes.has(code))
      this.errorCodes.set(code, (this.errorCodes.get(code) ?? 0) + 1)
  }

  reset(): void {
    this.connectionsReceived = 0
    this.connectionsRejected = 0
    this.commands = 0
    this.errors = 0
    this.inputBytes = 0
    this.outputBytes = 0
    this.hits = 0
    this.misses = 0
    this.redirections = 0
    this.protocolErrors = 0
    this.errorCodes.clear()
  }
}
