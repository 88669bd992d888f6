/**
 * Every operating error. Clients match on the code, never on message text. The retry loop, the history checker and
 * the reference page read this table.
 *
 * `definite`: the operation did not happen and never will.
 * `indefinite`: it may have happened, or may yet; only a read can tell.
 */
export const ERRORS = {
  BAD_ARGUMENT: { outcome: 'definite', retry: 'never' },
  TOO_LARGE: { outcome: 'definite', retry: 'never' },
  NOT_A_NUMBER: { outcome: 'definite', retry: 'never' },
  CROSS_CHAIN: { outcome: 'definite', retry: 'never' },
  NOT_HEAD: { outcome: 'definite', retry: 'after-refresh' },
  NOT_SERVING: { outcome: 'definite', retry: 'after-refresh' },
  STALE_EPOCH: { outcome: 'definite', retry: 'after-refresh' },
  WRONG_CHAIN: { outcome: 'definite', retry: 'after-refresh' },
  OVERLOADED: { outcome: 'definite', retry: 'after-backoff' },
  STORAGE_FAILED: { outcome: 'indefinite', retry: 'if-idempotent' },
  POSITION_LOST: { outcome: 'definite', retry: 'never' },
  /** Not with these credentials, or not without any. */
  UNAUTHENTICATED: { outcome: 'definite', retry: 'never' },
  /** This user may not do that. */
  FORBIDDEN: { outcome: 'definite', retry: 'never' },
  SESSION_LAPSED: { outcome: 'definite', retry: 'never' },
  TIMEOUT: { outcome: 'indefinite', retry: 'if-idempotent' },
  CONNECTION_LOST: { outcome: 'indefinite', retry: 'if-idempotent' },
  CLOSED: { outcome: 'definite', retry: 'never' },
} as const satisfies Record<string, { outcome: 'definite' | 'indefinite'; retry: string }>

export type ErrorCode = keyof typeof ERRORS

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERRORS, code)

/** An operating error of the store. `outcome` tells whether the operation can have happened. */
export class StoreError extends Error {
  readonly code: ErrorCode
  readonly outcome: 'definite' | 'indefinite'

  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; outcome?: 'definite' | 'indefinite' },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StoreError'
    this.code = code
    this.outcome = options?.outcome ?? ERRORS[code].outcome
  }
}
