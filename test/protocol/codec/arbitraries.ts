/** Arbitrary messages of each kind, for the codec's property tests. */
import fc, { type Arbitrary } from 'fast-check'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import type { ClusterMap } from '../../../protocol/cluster.ts'
import type {
  Condition,
  Consistency,
  Expiry,
  Mutation,
  ReadResult,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../../../protocol/commands.ts'
import type { Entry, Origin, Position, SessionChange } from '../../../protocol/entry.ts'
import { ERRORS, type ErrorCode } from '../../../protocol/errors.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asServerId,
  asSessionId,
} from '../../../protocol/ids.ts'

/** Strips the literal types that fast-check infers, so that unions can be put together. */
const one = <T>(...options: Arbitrary<T>[]): Arbitrary<T> => fc.oneof(...options)
const kind = <Name extends string>(type: Name) => fc.constant(type)
const listOf = <T>(item: Arbitrary<T>) => fc.array(item, { maxLength: 4 })
const orNull = <T>(value: Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 })

const count = fc.oneof(fc.nat(300), fc.maxSafeNat())
const positive = count.map((n) => Math.max(1, n))
const seq = count.map(asSeq)
const epoch = count.map(asEpoch)
const incarnation = count.map(asIncarnation)
const session = positive.map(asSessionId)
const requestNumber = count.map(asRequestNumber)
const millis = fc
  .oneof(fc.nat(), fc.double({ min: 0, max: 1e13, noNaN: true, noDefaultInfinity: true }))
  .map((n) => asMillis(Math.abs(n)))
const text = fc.string({ unit: 'grapheme', maxLength: 80 })
const chain = fc.nat(40).map((n) => asChainId(`c${n}`))
const server = fc.nat(40).map((n) => asServerId(`n${n}`))
const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 200, maxLength: 400 }))
/** Every byte, and lengths around those at which the codec changes its ways. */
const key = fc
  .oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.uint8Array({ minLength: 60, maxLength: 70 }),
    fc.uint8Array({ minLength: 250, maxLength: 300 }),
  )
  .map((codes) => asKey(String.fromCharCode(...codes)))

const versioned: Arbitrary<Versioned> = fc.record({ value: bytes, version: seq, expiresAtWallMs: millis })
const expiry: Arbitrary<Expiry> = one<Expiry>(
  fc.record({ type: kind('set'), atWallMs: millis }),
  fc.constant<Expiry>({ type: 'set', atWallMs: asMillis(0) }),
  fc.record({ type: kind('keep') }),
)
const condition: Arbitrary<Condition> = one<Condition>(
  fc.record({ type: kind('absent') }),
  fc.record({ type: kind('present') }),
  fc.record({ type: kind('version'), version: seq }),
  fc.record({ type: kind('value'), value: bytes }),
)
const mutation: Arbitrary<Mutation> = one<Mutation>(
  fc.record({ type: kind('put'), key, value: bytes, expiry }),
  fc.record({ type: kind('delete'), key }),
)
const command: Arbitrary<WriteCommand> = one<WriteCommand>(
  fc.record({ type: kind('put'), key, value: bytes, expiry, condition: orNull(condition) }),
  fc.record({ type: kind('delete'), key, condition: orNull(condition) }),
  fc.record({ type: kind('append'), key, value: bytes }),
  fc.record({ type: kind('prepend'), key, value: bytes }),
  fc.record({ type: kind('increment'), key, by: fc.maxSafeInteger() }),
  fc.record({ type: kind('get-and-set'), key, value: orNull(bytes), expiry }),
  fc.record({ type: kind('expire'), key, atWallMs: millis }),
  fc.record({
    type: kind('transaction'),
    compares: listOf(fc.record({ key, condition })),
    reads: listOf(key),
    writes: listOf(mutation),
  }),
  fc.record({ type: kind('open-session') }),
)
const consistency: Arbitrary<Consistency> = one<Consistency>(
  fc.record({ type: kind('strong') }),
  fc.record({ type: kind('eventual') }),
  fc.record({ type: kind('bounded-age'), maxAgeMs: millis }),
  fc.record({ type: kind('bounded-versions'), maxVersions: count }),
)
const writeResult: Arbitrary<WriteResult> = one<WriteResult>(
  fc.record({ type: kind('written'), version: seq, number: orNull(fc.maxSafeInteger()) }),
  fc.record({ type: kind('unmatched'), current: orNull(versioned) }),
  fc.record({ type: kind('refused'), code: fc.constantFrom('NOT_A_NUMBER', 'TOO_LARGE'), message: text }),
  fc.record({
    type: kind('read-back'),
    applied: fc.boolean(),
    version: seq,
    reads: listOf(orNull(versioned)),
  }),
)
const readResult: Arbitrary<ReadResult> = one<ReadResult>(
  fc.record({ type: kind('values'), values: listOf(orNull(versioned)), committed: fc.boolean(), at: seq }),
  fc
    .record({
      type: kind('page'),
      items: listOf(fc.tuple(key, versioned)),
      more: fc.boolean(),
      committed: fc.boolean(),
      at: seq,
    })
    .map(({ items, ...page }) => ({ ...page, keys: items.map(([k]) => k), values: items.map(([, v]) => v) })),
)

const config: Arbitrary<ChainConfig> = fc.record({
  chain,
  epoch,
  members: fc.uniqueArray(fc.record({ server, incarnation, serving: fc.boolean(), leaving: fc.boolean() }), {
    selector: (member) => member.server,
    maxLength: 4,
  }),
  joining: orNull(fc.record({ server: fc.constant(asServerId('joiner')), incarnation })),
  slots: listOf(fc.tuple(fc.nat(8000), fc.integer({ min: 8000, max: 16_383 }))),
})
const address = fc.record({ host: text, port: fc.nat(65_535), zone: text })
const map: Arbitrary<ClusterMap> = fc.record({
  clusterId: text,
  chains: listOf(config),
  readers: fc.constantFrom('any', 'head', 'tail'),
  addresses: listOf(fc.tuple(server, address)).map((addresses) => Object.fromEntries(addresses)),
})

const call = count
const identity = fc.record({ session, requestNumber, answeredBelow: requestNumber })
const options = fc.record({ consistency, atLeast: one(fc.constant(asSeq(0)), seq) })

export const clientMessage: Arbitrary<ClientMessage> = one<ClientMessage>(
  fc.record({ type: kind('write'), call, chain, identity: orNull(identity), command }),
  fc.record({
    type: kind('read'),
    call,
    chain,
    command: fc.record({ type: kind('get'), keys: listOf(key) }),
    options,
  }),
  fc.record({
    type: kind('read'),
    call,
    chain,
    command: fc.record({ type: kind('scan'), prefix: key, after: orNull(key), limit: count }),
    options,
  }),
  fc.record({
    type: kind('changes'),
    call,
    chain,
    command: fc.record({
      type: kind('changes'),
      prefix: key,
      after: orNull(seq),
      limit: count,
      waitMs: millis,
    }),
  }),
  fc.record({ type: kind('map-request'), call }),
  fc.record({ type: kind('status-request'), call }),
)

const codes = Object.keys(ERRORS) as ErrorCode[]
const failure = fc.record({ type: kind('failure'), code: fc.constantFrom(...codes), message: text })

export const serverMessage: Arbitrary<ServerMessage> = one<ServerMessage>(
  fc.record({ type: kind('write-reply'), call, result: writeResult }),
  fc.record({ type: kind('read-reply'), call, result: readResult }),
  fc.record({
    type: kind('changes-reply'),
    call,
    result: fc.record({
      type: kind('changes'),
      changes: listOf(fc.record({ key, seq, value: orNull(bytes), expiresAtWallMs: millis })),
      next: seq,
    }),
  }),
  fc.record({ type: kind('failed'), call, failure, map: orNull(map) }),
  fc.record({ type: kind('map-reply'), call, map }),
  fc.record({ type: kind('status-reply'), call, json: text }),
)

const position: Arbitrary<Position> = fc.record({ epoch, seq })
const origin: Arbitrary<Origin> = fc.record({
  session,
  requestNumber,
  answeredBelow: requestNumber,
  result: writeResult,
})
const sessionChange: Arbitrary<SessionChange> = one<SessionChange>(
  fc.record({ opens: fc.constant(true) }),
  fc.record({ lapses: listOf(session) }),
  fc.record({ opens: fc.constant(true), lapses: listOf(session) }),
)

export const entry: Arbitrary<Entry> = fc.record({
  epoch,
  seq,
  origin: orNull(origin),
  writes: listOf(fc.record({ key, value: orNull(bytes), expiresAtWallMs: millis })),
  sessions: orNull(sessionChange),
})

const transfer = fc.oneof(fc.constant(-1), count)
const chainMessage: Arbitrary<ChainMessage> = one<ChainMessage>(
  fc.record({
    type: kind('link-request'),
    epoch,
    incarnation,
    attempt: count,
    last: position,
    commit: position,
    transfer,
  }),
  fc.record({
    type: kind('link-accept'),
    epoch,
    incarnation,
    attempt: count,
    from: position,
    transfer,
    last: seq,
    serving: fc.boolean(),
  }),
  fc.record({
    type: kind('append'),
    epoch,
    attempt: count,
    previous: position,
    entries: listOf(entry),
    upstreamDurable: seq,
    commit: seq,
    sentAt: millis,
  }),
  fc.record({
    type: kind('ack'),
    epoch,
    attempt: count,
    commit: seq,
    received: seq,
    echo: fc.oneof(millis, fc.constant(asMillis(-1))),
  }),
  fc.record({
    type: kind('snapshot-page'),
    epoch,
    attempt: count,
    page: count,
    items: listOf(fc.tuple(key, versioned).map(([k, value]) => ({ key: k, ...value }))),
    sessions: listOf(fc.record({ session, lastSeq: seq, origins: listOf(fc.record({ seq, origin })) })),
    done: fc.boolean(),
    upTo: seq,
  }),
  fc.record({ type: kind('snapshot-ack'), epoch, attempt: count, page: count }),
  fc.record({ type: kind('version-query'), epoch, query: count }),
  fc.record({ type: kind('version-reply'), epoch, query: count, commit: orNull(seq) }),
  fc.record({ type: kind('barrier'), epoch, query: count, origin: text }),
  fc.record({ type: kind('barrier-reply'), epoch, query: count, commit: seq }),
  fc.record({ type: kind('config'), epoch, config }),
  fc.record({ type: kind('config-request'), epoch }),
  fc.record({ type: kind('other'), epoch, body: bytes }),
)

export const chainItem = fc.record({ chain, message: chainMessage })
