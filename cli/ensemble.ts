/** How commands reach the coordinators. */
import { type CoordinatorClient, coordinator } from '../client/coordinator/client.ts'
import { type CoordinatorErrorCode, isCoordinatorError } from '../client/coordinator/errors.ts'
import { MEMBER_UNIT } from '../runtime/security/certificates.ts'
import { CERTIFIED_TREE, MEMBER_ID, type TreeAccess, treeAccess } from '../runtime/security/tree-access.ts'
import { toDuration, UsageError } from './arguments.ts'
import { coordinatorOption } from './options.ts'
import { type SecretArguments, secretOf, secretOption } from './secret-option.ts'
import { timeoutOption } from './store.ts'
import { clientTlsOptions, type TlsArguments, tlsOf } from './tls-options.ts'

export const ensembleOptions = {
  ...coordinatorOption,
  ...timeoutOption,
  ...secretOption,
  ...clientTlsOptions,
} as const

export interface EnsembleArguments extends SecretArguments, TlsArguments {
  readonly coordinator: string
  readonly timeout: string
  /** `scheme:credentials`, each. */
  readonly auth?: readonly string[] | undefined
}

const SESSION_MS = 6_000

/**
 * Opens a session, works, and ends it whatever comes of it.
 *
 * @param options.endless - the work takes as long as it takes; otherwise all of it has `--timeout`.
 */
export async function withEnsemble<Result>(
  args: EnsembleArguments,
  work: (client: CoordinatorClient) => Promise<Result>,
  options: { readonly endless?: boolean } = {},
): Promise<Result> {
  const timeoutMs = toDuration(args.timeout, '--timeout')
  const tls = tlsOf(args)
  const access = accessOf(args, tls)
  const client = coordinator({
    servers: args.coordinator,
    sessionTimeoutMs: SESSION_MS,
    renewExpired: options.endless ?? false,
    ...access,
    ...(tls && { tls }),
  })
  let problem = ''
  // It is the first to hear why nobody can be reached.
  client.exists('/').catch((error: Error) => {
    problem = `: ${error.message}`
  })
  try {
    await atMost(
      timeoutMs,
      connected(client),
      () =>
        `none of the coordinators ${args.coordinator} has answered in ${args.timeout}${problem}. Are they running, and most of them? --coordinator names others`,
    )
    const working = introduced(client, args.auth)
      .then(() => (access === CERTIFIED_TREE ? checkTaken(client) : undefined))
      .then(() => work(client))
    if (options.endless) return await working
    return await atMost(
      timeoutMs,
      working,
      () =>
        `the coordinators ${args.coordinator} have not answered in ${args.timeout}: a write may have happened. Do most of them run?`,
    )
  } catch (error) {
    throw explained(error)
  } finally {
    await client.close()
  }
}

/** With the secret, or a member's certificate instead, what is created is the cluster's alone; with neither it is everybody's. */
export function accessOf(args: EnsembleArguments, tls = tlsOf(args)): TreeAccess {
  return tls?.unit === MEMBER_UNIT ? CERTIFIED_TREE : treeAccess(secretOf(args))
}

/** @throws nobody could open what this session creates, itself included. */
async function checkTaken(client: CoordinatorClient): Promise<void> {
  const identities = await client.whoAmI()
  if (identities.some(({ scheme, user }) => scheme === MEMBER_ID.scheme && user === MEMBER_ID.id)) return
  throw new Error(
    'the coordinators have not looked at our certificate: they are not started with --tls-mutual. Leave --tls-cert out, or give --secret-file',
  )
}

/** Members answer in order: what is asked next is asked under these names. */
async function introduced(client: CoordinatorClient, auth: readonly string[] = []): Promise<void> {
  for (const identity of auth) {
    const [scheme = '', ...credentials] = identity.split(':')
    if (credentials.length === 0)
      throw new UsageError(
        `--auth ${JSON.stringify(identity)}: it is scheme:credentials, such as digest:ann:secret`,
      )
    await client.addAuth(scheme, credentials.join(':'))
  }
}

function connected(client: CoordinatorClient): Promise<void> {
  if (client.state === 'connected') return Promise.resolve()
  return new Promise((resolve) => {
    const stop = client.onState((state) => {
      if (state !== 'connected') return
      stop()
      resolve()
    })
  })
}

async function atMost<Result>(ms: number, work: Promise<Result>, otherwise: () => string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise())), ms)
  })
  work.catch(() => {}) // it may still fail when nobody waits for it any more
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const ADVICE: Partial<Record<CoordinatorErrorCode, string>> = {
  NO_NODE: 'there is no such znode, or not its parent; `catenary znode ls` shows what there is',
  NODE_EXISTS: 'it exists already; `catenary znode set` changes it',
  BAD_VERSION: 'it has another version; `catenary znode stat` shows which',
  NOT_EMPTY: 'it has children; --recursive deletes them, too',
  NO_CHILDREN_FOR_EPHEMERALS: 'its parent is ephemeral, and those have no children',
  RECONFIG_IN_PROGRESS:
    'another change of the ensemble is under way; `catenary coordinator list` shows how far it is',
  NEW_CONFIG_NO_QUORUM:
    'too few of those who are to stay, or to come, can be reached: start them, the new one with --join, and repeat; `catenary coordinator list` shows what there is',
  NO_AUTH:
    'its access list forbids it; `catenary znode acl` shows it, --auth says who you are. What is below /catenary opens to the --secret-file of the cluster alone, or to certificates of its members',
  CONNECTION_LOSS: 'the connection broke; a write may have happened: look, then repeat',
  SESSION_EXPIRED: 'the session expired meanwhile; repeat',
}

function explained(error: unknown): unknown {
  if (!isCoordinatorError(error)) return error
  const advice = ADVICE[error.code]
  return advice === undefined ? error : new Error(`${error.message}: ${advice}`, { cause: error })
}
