/** Chains that break one rule each, and the smallest scope that shows it: the proof that the exploration would see it. */
import type { ReplicaEvent } from '../../../chain/events.ts'
import { leaseLives, type Replica } from '../../../chain/state.ts'
import type { ChainConfig, Member } from '../../../protocol/chain-config.ts'
import { asEpoch, asMillis, NO_SEQ } from '../../../protocol/ids.ts'
import type { Tree } from './coordinator.ts'
import type { ChainFaults, ChainScope } from './scope.ts'
import { FOREVER } from './server.ts'

/** A lease that `after` takes away again. */
const ONE_TURN = asMillis(FOREVER - 1)

export interface WrongChain {
  /** What is wrong. */
  readonly says: string
  readonly scope: Partial<ChainScope>
  readonly faults: ChainFaults
}

const NOTHING: Partial<ChainScope> = { writes: 1, reads: 0, crashes: 0, joins: 0 }

const isMessage = (event: ReplicaEvent, type: string): boolean =>
  event.type === 'message' && event.message.type === type

const before = (change: (replica: Replica, event: ReplicaEvent) => void): ChainFaults => ({
  server: {
    before: (replica, event) => {
      change(replica, event)
      return event
    },
  },
})

export const WRONG_CHAINS: Readonly<Record<string, WrongChain>> = {
  'lease-never-ends': {
    says: 'a replica answers strong reads although its lease has run out',
    scope: { ...NOTHING, lapses: 1 },
    faults: {
      server: { before: (_, event) => (event.type === 'lease' && event.untilMs === 0 ? null : event) },
    },
  },
  'tail-without-lease': {
    says: 'a tail answers version queries although its lease has run out',
    scope: { ...NOTHING, reads: 1, lapses: 1, holds: 2 },
    faults: {
      server: {
        before: (replica, event) => {
          if (!leaseLives(replica) && isMessage(event, 'version-query')) replica.leaseUntil = ONE_TURN
          return event
        },
        after: (replica) => {
          if (replica.leaseUntil === ONE_TURN) replica.leaseUntil = asMillis(0)
        },
      },
    },
  },
  'session-before-lease': {
    says: 'a session ends while its lease lives',
    scope: { ...NOTHING, lapses: 1 },
    faults: { expiresEarly: true },
  },
  'disk-lies': {
    says: 'a disk reports as durable what it has not written',
    scope: NOTHING,
    faults: { server: { diskLies: true } },
  },
  'own-durable-only': {
    says: 'a tail commits what is on its own disk, whatever is on the others',
    scope: NOTHING,
    faults: before((replica) => {
      replica.upstreamDurable = replica.log.last
    }),
  },
  'upstream-durable-forgotten': {
    says: 'a new configuration makes a replica forget what is durable above it',
    scope: { ...NOTHING, crashes: 1 },
    faults: before((replica, event) => {
      if (event.type === 'config') replica.upstreamDurable = NO_SEQ
    }),
  },
  'handoff-to-commit': {
    says: 'a newcomer may serve once it holds what its predecessor knows to be committed',
    scope: { ...NOTHING, members: 2, crashes: 1, joins: 1, holds: 1 },
    faults: {
      server: {
        sends: ({ log }, message) =>
          message.type === 'link-accept' ? { ...message, last: log.commit.seq } : message,
      },
    },
  },
  'newcomer-serves-at-once': {
    says: 'a joiner is appended as a serving member',
    scope: { ...NOTHING, joins: 1, holds: 2 },
    faults: {
      manager: {
        writes: ({ step, config }) => (step === 'append' ? withAllServing(config, config.members) : config),
      },
    },
  },
  'served-without-handoff': {
    says: 'the manager marks a newcomer as serving before it says so',
    scope: { ...NOTHING, members: 2, crashes: 1, joins: 1, holds: 1 },
    faults: { manager: { proposes: ({ config }) => marked(config) } },
  },
  'last-serving-dropped': {
    says: 'the manager drops the last serving member, and lets the newcomer serve',
    scope: { ...NOTHING, members: 1, crashes: 1, joins: 1, holds: 1 },
    faults: { manager: { proposes: seeded } },
  },
}

const withAllServing = (config: ChainConfig, members: readonly Member[]): ChainConfig => ({
  ...config,
  members: members.map((member) => ({ ...member, serving: true })),
})

function marked(config: ChainConfig): ChainConfig | null {
  if (config.members.every(({ serving }) => serving)) return null
  return { ...withAllServing(config, config.members), epoch: asEpoch(config.epoch + 1) }
}

function seeded({ config, servers }: Tree): ChainConfig | null {
  const alive = config.members.filter((member) => servers.some(({ server }) => server === member.server))
  if (alive.length === 0 || alive.some(({ serving }) => serving)) return null
  return { ...withAllServing(config, alive), epoch: asEpoch(config.epoch + 1) }
}
