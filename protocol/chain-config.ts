import type { ChainId, Epoch, Incarnation, ServerId } from './ids.ts'
import { asChainId, asEpoch, asIncarnation, asServerId } from './ids.ts'
import { SLOT_COUNT, type SlotRange } from './slots.ts'
import { isNodeId } from './transport.ts'

/** One replica's place in a configuration. */
export interface Member {
  readonly server: ServerId
  /** The life of the server that was admitted: a restart, or a new session, is another one and must rejoin. */
  readonly incarnation: Incarnation
  /** False from being appended until it has reported that its predecessor handed off to it (DESIGN section 4). */
  readonly serving: boolean
  /** Asked to stop answering reads before it is dropped, because it is alive and its lease would not have run out. */
  readonly leaving: boolean
}

export interface Joiner {
  readonly server: ServerId
  readonly incarnation: Incarnation
}

/**
 * Who forms a chain, head first, in one epoch. Written only by the manager, by compare-and-set on its znode; everybody obeys the
 * highest epoch that they have seen (traps 1, 21).
 */
export interface ChainConfig {
  readonly chain: ChainId
  readonly epoch: Epoch
  readonly members: readonly Member[]
  readonly joining: Joiner | null
  readonly slots: readonly SlotRange[]
}

export const headOf = (config: ChainConfig): Member | null => config.members[0] ?? null
export const tailOf = (config: ChainConfig): Member | null => config.members.at(-1) ?? null
export const positionOf = (config: ChainConfig, server: ServerId) =>
  config.members.findIndex((member) => member.server === server)
export const memberOf = (config: ChainConfig, server: ServerId): Member | null =>
  config.members.find((member) => member.server === server) ?? null
export const servingMembers = (config: ChainConfig) => config.members.filter((member) => member.serving)

/** The member before `server`, or null for the head and for strangers. */
export function predecessorOf(config: ChainConfig, server: ServerId): Member | null {
  const position = positionOf(config, server)
  return position > 0 ? (config.members[position - 1] ?? null) : null
}

/** The member after `server`, or null for the tail and for strangers. */
export function successorOf(config: ChainConfig, server: ServerId): Member | null {
  const position = positionOf(config, server)
  return position < 0 ? null : (config.members[position + 1] ?? null)
}

/** As the config znode holds it: JSON, so that any ZooKeeper shell shows it. */
export const configToJson = (config: ChainConfig): string => JSON.stringify(config)

/** Validates what a znode or a peer says. Null where it is not a configuration. */
export function configFromJson(json: string): ChainConfig | null {
  try {
    return configFromData(JSON.parse(json))
  } catch {
    return null
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isName = (value: unknown): value is string => typeof value === 'string' && isNodeId(value)

export function configFromData(data: unknown): ChainConfig | null {
  // Names become names of directories and of peers: nothing else than a plain name passes.
  if (!isRecord(data) || !isName(data['chain']) || !isCount(data['epoch'])) return null
  const { members, slots, joining } = data
  if (!Array.isArray(members) || !Array.isArray(slots)) return null
  const parsedMembers = members.map(memberFromData)
  const parsedJoiner = joining === null || joining === undefined ? null : joinerFromData(joining)
  if (parsedMembers.includes(null) || parsedJoiner === undefined || !slots.every(isSlotRange)) return null
  const config: ChainConfig = {
    chain: asChainId(data['chain']),
    epoch: asEpoch(data['epoch']),
    members: parsedMembers.filter((member) => member !== null),
    joining: parsedJoiner,
    slots,
  }
  const names = [
    ...config.members.map((member) => member.server),
    ...(parsedJoiner ? [parsedJoiner.server] : []),
  ]
  return new Set(names).size === names.length ? config : null
}

function memberFromData(data: unknown): Member | null {
  if (!isRecord(data) || !isName(data['server']) || !isCount(data['incarnation'])) return null
  if (typeof data['serving'] !== 'boolean') return null
  return {
    server: asServerId(data['server']),
    incarnation: asIncarnation(data['incarnation']),
    serving: data['serving'],
    leaving: data['leaving'] === true,
  }
}

function joinerFromData(data: unknown): Joiner | undefined {
  if (!isRecord(data) || !isName(data['server']) || !isCount(data['incarnation'])) return undefined
  return { server: asServerId(data['server']), incarnation: asIncarnation(data['incarnation']) }
}

const isSlotRange = (range: unknown): range is SlotRange =>
  Array.isArray(range) &&
  range.length === 2 &&
  range.every((slot) => isCount(slot) && slot < SLOT_COUNT) &&
  range[0] <= range[1]
