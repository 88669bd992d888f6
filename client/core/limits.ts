/** Every bound and every wait of the client's core. Milliseconds and bytes. */
export interface ClientLimits {
  /** Requests that have been issued and not answered; more fail with OVERLOADED. */
  readonly outstandingMax: number
  /** Keys and values of those requests. Below what a link queues, so that no link breaks for what this client wants to say. */
  readonly outstandingBytesMax: number
  /** A try without an answer for so long is tried elsewhere. */
  readonly tryTimeoutMs: number
  readonly backoffFirstMs: number
  readonly backoffMaxMs: number
  /** A server that broke its connection, or did not answer a try, is avoided for so long. */
  readonly suspectMs: number
  /** At least so long between two maps that were asked for. */
  readonly mapPauseMs: number
  /** A map is asked for again when it is so old, so that reads reach replicas that have joined. */
  readonly mapAgeMaxMs: number
  /** Request numbers of one session from its lowest unanswered one on: the head remembers a result for each. */
  readonly sessionWindowMax: number
}

export const CLIENT_LIMITS: ClientLimits = {
  outstandingMax: 10_000,
  outstandingBytesMax: 48 * 1024 * 1024,
  tryTimeoutMs: 1_000,
  backoffFirstMs: 20,
  backoffMaxMs: 500,
  suspectMs: 1_000,
  mapPauseMs: 50,
  mapAgeMaxMs: 10_000,
  sessionWindowMax: 8_192,
}

/** Throws where the bounds contradict each other. */
export function checkLimits(limits: ClientLimits): ClientLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!(value > 0)) throw new RangeError(`client limits: ${name} must be positive`)
  }
  if (limits.backoffFirstMs > limits.backoffMaxMs) {
    throw new RangeError('client limits: backoffFirstMs must not exceed backoffMaxMs')
  }
  return limits
}
