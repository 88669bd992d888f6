import { describe, expect, test } from 'vitest'
import type { Proposal } from '../../../coordinator/manager/view.ts'
import { servingMembers } from '../../../protocol/chain-config.ts'
import type { ChainId } from '../../../protocol/ids.ts'
import { World, type WorldChain, type WorldServer } from './world.ts'

const SEEDS = 500
const STEPS = 500

/** The rules, checked against what is true and not against what the manager believed. */
function checkWrite(world: World, chain: WorldChain, proposal: Proposal, electedAtMs: number): void {
  const { config: after, step } = proposal
  const before = chain.config
  const where = `${after.chain}@${after.epoch} ${step}: ${proposal.reason} at ${world.nowMs}`
  const serving = servingMembers(after)
  expect(serving.length, `ServingNeverEmpty: ${where}`).toBeGreaterThan(0)
  const newcomers = after.members.filter((m) => !m.serving).length + (after.joining ? 1 : 0)
  expect(newcomers, `one newcomer at a time: ${where}`).toBeLessThanOrEqual(1)
  const ids = [...after.members.map((m) => m.server), ...(after.joining ? [after.joining.server] : [])]
  expect(new Set(ids).size, `everybody once: ${where}`).toBe(ids.length)
  if (!before) {
    expect(after.epoch).toBe(1)
    return
  }
  if (step === 'reset') {
    expect(after.epoch).toBeGreaterThan(before.epoch)
  } else {
    expect(after.epoch, `epochs grow by one: ${where}`).toBe(before.epoch + 1)
  }
  const life = (m: { server: string; incarnation: number }) => `${m.server}/${m.incarnation}`
  const lives = after.members.map(life)
  const kept = before.members.map(life).filter((one) => lives.includes(one))
  expect(
    lives.filter((one) => kept.includes(one)),
    `order: ${where}`,
  ).toEqual(kept)
  for (const member of serving) {
    const was = before.members.find((m) => life(m) === life(member))
    if (was?.serving || step === 'reset') continue
    const handedOff = chain.handoffs.has(`${life(member)}/${before.epoch}`)
    const seed = world.server(member.server)?.disk.get(after.chain)
    const returns =
      step === 'return' &&
      servingMembers(before).some((m) => m.server === member.server) &&
      seed !== undefined
    // The view may be so old that its server has died, or even lost its disk, since it was looked at.
    const server = world.server(member.server)
    if (step === 'return' && !(server?.up && server.registered === member.incarnation)) continue
    expect(handedOff || returns, `HandoffBeforeServing: ${where}`).toBe(true)
    if (returns) expect(seed.last, `the seed holds all that was committed: ${where}`).toBe(chain.committed)
  }
  for (const member of before.members) {
    if (kept.includes(life(member)) || world.server(member.server)?.registered !== member.incarnation)
      continue
    const silent = step === 'reset' ? false : chain.silences.has(`${life(member)}/${before.epoch}`)
    const seeds = step === 'reset' && lives.includes(life(member))
    expect(silent || seeds, `${member.server} lives and was dropped: ${where}`).toBe(true)
  }
  if (step === 'drop-gone') expect(world.nowMs - electedAtMs, `grace: ${where}`).toBeGreaterThanOrEqual(6_000)
}

/** Each member of the serving set holds each committed write, unless somebody wiped its disk. */
function checkData(world: World, wiped: ReadonlySet<string>): void {
  for (const [id, chain] of world.chains) {
    for (const member of chain.config ? servingMembers(chain.config) : []) {
      if (wiped.has(`${id}/${member.server}/${member.incarnation}`)) continue
      const last = world.server(member.server)?.disk.get(id)?.last ?? 0
      if (last !== chain.committed) {
        throw new Error(
          `${id}: ${member.server} holds ${last} of ${chain.committed} writes; seed ${world.options.seed}`,
        )
      }
    }
  }
}

function wipe(world: World, server: WorldServer, wiped: Set<string>): void {
  if (server.up) return
  world.wipe(server)
  for (const [id, { config }] of world.chains) {
    const member = config?.members.find((m) => m.server === server.id)
    if (member) wiped.add(`${id}/${server.id}/${member.incarnation}`)
    wiped.add(`${id}/${server.id}/${server.life}`)
  }
}

function randomEvent(world: World, wiped: Set<string>, faults: (fault: string) => boolean): void {
  world.nowMs += world.draw(120)
  const server = world.servers[world.draw(world.servers.length)]
  const chainIds = [...world.chains.keys()]
  const chainId = chainIds[world.draw(Math.max(1, chainIds.length))] ?? ('c0' as ChainId)
  if (!server) return
  const replica = server.replicas.get(chainId)
  const dice = world.draw(1000)
  if (dice < 420) world.manage(world.draw(world.managers.length))
  else if (dice < 600) world.adopt(server, chainId)
  else if (dice < 780) world.act(server, chainId)
  else if (dice < 880) world.commit(chainId)
  else if (dice < 910) world.register(server)
  else if (dice < 920) world.nowMs += world.draw(8_000)
  else if (dice < 930 && faults('crash')) world.crash(server)
  else if (dice < 945 && faults('expire') && (!server.up || world.draw(3) === 0)) world.expire(server)
  else if (dice < 948 && faults('wipe')) wipe(world, server, wiped)
  else if (dice < 956 && faults('drain')) {
    if (world.drains.has(server.id)) world.drains.delete(server.id)
    else world.drains.add(server.id)
  } else if (dice < 960 && faults('draining')) server.draining = !server.draining
  else if (dice < 972 && faults('fail')) {
    // Mostly those who are just coming: a chain has few of them, for a short time.
    const newcomer = world.chains.get(chainId)?.config?.members.find((m) => !m.serving)
    const ill = newcomer && dice > 960 ? world.server(newcomer.server)?.replicas.get(chainId) : replica
    if (ill) ill.failed = true
  } else if (dice < 985 && faults('suspect')) {
    const suspect = world.pick(world.servers)
    if (suspect) world.report(server, chainId, 'member', suspect.id)
  } else if (dice < 990 && faults('failover')) world.failover(world.draw(2))
  else if (dice < 991 && faults('power-cut')) for (const one of world.servers) world.crash(one)
  else if (dice < 993 && faults('reset')) {
    const chain = world.chains.get(chainId)
    if (chain) chain.reset = { server: server.id, incarnation: null }
  }
}

/** After a wipe that took the last copy, only the operator can go on. */
function resetWhereLost(world: World): void {
  for (const [id, chain] of world.chains) {
    const { config } = chain
    if (!config) continue
    const hopeless = servingMembers(config).every(({ server, incarnation }) => {
      const one = world.server(server)
      return one?.registered !== incarnation && !((one?.disk.get(id)?.epoch ?? 0) >= 1)
    })
    const candidate = world.servers.find((s) => (s.disk.get(id)?.epoch ?? 0) >= 1) ?? world.servers[0]
    if (hopeless && candidate) chain.reset = { server: candidate.id, incarnation: null }
  }
}

function runSeed(seed: number, totals: Record<string, number>): void {
  const first = new World({ seed, serverCount: 1, chainCount: 1, replicationFactor: 1 })
  const world = new World({
    seed,
    serverCount: 2 + first.draw(5),
    chainCount: 1 + first.draw(3),
    replicationFactor: 1 + first.draw(3),
  })
  const off = new Set(
    [
      'crash',
      'expire',
      'wipe',
      'drain',
      'draining',
      'fail',
      'suspect',
      'failover',
      'power-cut',
      'reset',
    ].filter(() => first.draw(3) === 0),
  )
  const wiped = new Set<string>()
  world.onWrite = (chain, proposal, electedAtMs) => {
    checkWrite(world, chain, proposal, electedAtMs)
    // What seeds a chain by order is the new truth, whatever was wiped before.
    if (proposal.step === 'reset')
      for (const key of wiped) if (key.startsWith(`${proposal.chain}/`)) wiped.delete(key)
  }
  for (const server of world.servers) world.register(server)
  for (let step = 0; step < STEPS; step++) {
    randomEvent(world, wiped, (fault) => !off.has(fault))
    checkData(world, wiped)
  }
  world.heal()
  for (let round = 0; round < 400; round++) {
    if (round % 60 === 59) resetWhereLost(world)
    world.healthyRound()
    checkData(world, wiped)
  }
  const wanted = Math.min(world.options.replicationFactor, world.servers.length)
  expect(world.chains.size).toBe(world.options.chainCount)
  for (const [id, { config }] of world.chains) {
    const serving = config ? servingMembers(config).filter(({ leaving }) => !leaving).length : 0
    expect(serving, `${id} is whole again: ${JSON.stringify(config)}`).toBeGreaterThanOrEqual(wanted)
  }
  for (const [what, count] of Object.entries(world.counts)) totals[what] = (totals[what] ?? 0) + count
}

describe('the planner in a hostile world', () => {
  test('ServingNeverEmpty, HandoffBeforeServing, order, epochs, leases; then every chain becomes whole', () => {
    const totals: Record<string, number> = {}
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        runSeed(seed, totals)
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error })
      }
    }
    // The walk must have been where it hurts.
    const steps = [
      'create',
      'join',
      'append',
      'serve',
      'drop-gone',
      'drop-failed',
      'drop-left',
      'leave',
      'return',
    ]
    for (const step of [...steps, 'stay', 'reset', 'cancel-join', 'lost compare-and-set', 'commits']) {
      expect(totals[step] ?? 0, `${step} of ${JSON.stringify(totals)}`).toBeGreaterThan(5)
    }
  })
})
