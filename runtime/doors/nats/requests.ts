/** What a plain NATS client may ask, as JSON, and what it is answered. */
import { isUtf8 } from 'node:buffer'
import type {
  Bytes,
  Change,
  Client,
  ConsistencyOption,
  StoredValue,
  WriteOutcome,
} from '../../../client/index.ts'
import { StoreError } from '../../../protocol/errors.ts'

type Json = Readonly<Record<string, unknown>>
export type Reply = Record<string, unknown>

/** How long `changes` waits for one, and how long it may be told to. */
const WAIT_MS = 1_000
const WAIT_MS_MAX = 30_000

/** By the last word of the subject. */
export const ENDPOINTS: Readonly<
  Record<string, { readonly describe: string; answer(client: Client, request: Json): Promise<Reply> }>
> = {
  get: {
    describe: '{key, consistency?} -> {found, value, version, committed}; {keys} -> {values}',
    answer: async (client, request) => {
      const how = { ...timeout(request), ...consistency(request) }
      if (Array.isArray(request['keys'])) {
        const keys = request['keys'].map((key: unknown) => text(key, 'keys'))
        const values = await client.getMany(keys, how)
        return { values: values.map((value, i) => ({ key: keys[i], ...stored(value) })) }
      }
      return stored(await client.get(bytes(request, 'key'), how))
    },
  },
  put: {
    describe:
      '{key, value, ifAbsent?, ifPresent?, ifVersion?, expiresInMs?, keepExpiry?} -> {applied, version}',
    answer: async (client, request) =>
      outcome(
        await client.put(bytes(request, 'key'), bytes(request, 'value'), {
          ...timeout(request),
          ...pick(request, { ifAbsent: 'boolean', ifPresent: 'boolean', ifVersion: 'number' }),
          ...pick(request, { expiresInMs: 'number', keepExpiry: 'boolean' }),
        }),
      ),
  },
  delete: {
    describe: '{key, ifVersion?} -> {applied, version}',
    answer: async (client, request) =>
      outcome(
        await client.delete(bytes(request, 'key'), {
          ...timeout(request),
          ...pick(request, { ifVersion: 'number' }),
        }),
      ),
  },
  cas: {
    describe:
      '{key, expected: value or null, or expectedVersion, value or null: delete} -> {applied, version, current}',
    answer: async (client, request) => {
      const version = request['expectedVersion']
      const expected = typeof version === 'number' ? version : orNull(request, 'expected')
      const how = { ...timeout(request), ...pick(request, { expiresInMs: 'number', keepExpiry: 'boolean' }) }
      return outcome(
        await client.compareAndSet(bytes(request, 'key'), expected, orNull(request, 'value'), how),
      )
    },
  },
  incr: {
    describe: '{key, by?} -> {value}',
    answer: async (client, request) => {
      const { by = 1 } = pick(request, { by: 'number' }) as { by?: number }
      return { value: await client.increment(bytes(request, 'key'), by, timeout(request)) }
    },
  },
  changes: {
    describe: '{prefix?, from?: seq or positions of the last answer, waitMs?} -> {changes, positions}',
    answer: changes,
  },
}

/** One page of the changefeed. Whoever loses the answer asks again with the positions that it had. */
async function changes(client: Client, request: Json): Promise<Reply> {
  const from = request['from']
  if (from !== undefined && typeof from !== 'number' && (typeof from !== 'object' || from === null))
    throw bad('from is a seq, or the positions of an earlier answer')
  const { waitMs = WAIT_MS } = pick(request, { waitMs: 'number' }) as { waitMs?: number }
  const watch = client.watch(
    'prefix' in request || 'prefixBase64' in request ? bytes(request, 'prefix') : '',
    from === undefined ? {} : { fromSeq: from as number | Record<string, number> },
  )
  const enough = setTimeout(() => watch.close(), Math.min(Math.max(0, waitMs), WAIT_MS_MAX))
  try {
    await watch.ready()
    const page = await watch.nextPage()
    return { changes: page.map(changeJson), positions: watch.positions }
  } finally {
    clearTimeout(enough)
    watch.close()
  }
}

export function changeJson(change: Change): Reply {
  const { chain, seq, keyBytes, value, expiresAt } = change
  return {
    chain,
    seq,
    ...jsonBytes('key', keyBytes),
    ...(value === null ? { deleted: true } : jsonBytes('value', value)),
    ...(expiresAt === null ? {} : { expiresAt: expiresAt.toISOString() }),
  }
}

function stored(value: StoredValue | null): Reply {
  if (value === null) return { found: false }
  const { version, committed, expiresAt } = value
  return {
    found: true,
    ...jsonBytes('value', value.value),
    version,
    committed,
    ...(expiresAt === null ? {} : { expiresAt: expiresAt.toISOString() }),
  }
}

const outcome = (done: WriteOutcome): Reply =>
  done.applied ? { applied: true, version: done.version } : { applied: false, current: stored(done.current) }

const view = (data: Uint8Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** `{ [name]: text }`, or `{ [name]Base64: ... }` for what is not UTF-8. */
const jsonBytes = (name: string, data: Uint8Array): Record<string, string> =>
  isUtf8(data)
    ? { [name]: view(data).toString('utf8') }
    : { [`${name}Base64`]: view(data).toString('base64') }

function bytes(request: Json, name: string): Bytes {
  const base64 = request[`${name}Base64`]
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64')
  return text(request[name], name)
}

const orNull = (request: Json, name: string): Bytes | null =>
  request[name] === null ? null : bytes(request, name)

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value
  throw bad(`${name} is missing: give text as ${name}, or any bytes as ${name}Base64`)
}

/** What is there of these, if it has the type that it must have. */
function pick<Name extends string>(
  request: Json,
  types: Readonly<Record<Name, 'number' | 'boolean'>>,
): Partial<Record<Name, never>> {
  const found: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(types)) {
    const value = request[name]
    if (value === undefined) continue
    const fits = type === 'number' ? typeof value === 'number' : typeof value === 'boolean'
    if (!fits) throw bad(`${name} is a ${type}`)
    found[name] = value
  }
  return found as Partial<Record<Name, never>>
}

const timeout = (request: Json): { timeoutMs?: number } => pick(request, { timeoutMs: 'number' })

const consistency = (request: Json): { consistency?: ConsistencyOption } =>
  request['consistency'] === undefined ? {} : { consistency: request['consistency'] as ConsistencyOption }

const bad = (message: string) => new StoreError('BAD_ARGUMENT', message)

/** @throws {StoreError} `BAD_ARGUMENT`: no JSON object. An empty message is an empty one. */
export function parseRequest(data: Uint8Array): Json {
  if (data.length === 0) return {}
  try {
    const request: unknown = JSON.parse(view(data).toString('utf8'))
    if (typeof request === 'object' && request !== null && !Array.isArray(request)) return request as Json
  } catch {
    // Said below.
  }
  throw bad('the request is a JSON object, for example {"key":"greeting"}')
}
