/** Two looks at a cluster, and what must have happened between them, in words. */
import type { LiveChain, LiveCoordinator, LiveServer, LiveSnapshot, StoryLine } from './snapshot.ts'

type Line = Omit<StoryLine, 'atMs'>

/** @param before - null: this is the first look. */
export function storyOf(before: LiveSnapshot | null, after: LiveSnapshot): StoryLine[] {
  const lines = before === null ? firstLook(after) : changes(before, after)
  return lines.map((line) => ({ atMs: after.atMs, ...line }))
}

function firstLook({ chains, coordinators, servers, strangers }: LiveSnapshot): Line[] {
  const leader = leaderOf(coordinators)
  return [
    ...chains.map((chain) => plain(`${chain.chain} is ${membersText(chain)}, epoch ${chain.epoch}`)),
    ...(leader === null ? [] : [plain(`${leader.name} leads the coordinators, term ${leader.term}`)]),
    ...[...servers, ...coordinators, ...strangers]
      .filter(({ answers }) => !answers)
      .map(({ name }) => bad(`${name} does not answer`)),
  ]
}

function changes(before: LiveSnapshot, after: LiveSnapshot): Line[] {
  return [
    ...pairs(before.coordinators, after.coordinators).flatMap(([old, now]) => presence(old, now)),
    ...pairs(before.servers, after.servers).flatMap(([old, now]) => serverChanges(old, now)),
    ...leadership(before.coordinators, after.coordinators),
    ...after.chains.flatMap((chain) =>
      chainChanges(
        before.chains.find((other) => other.chain === chain.chain),
        chain,
      ),
    ),
  ]
}

interface Named {
  readonly name: string
  readonly answers: boolean
}

function pairs<Process extends Named>(before: readonly Process[], after: readonly Process[]) {
  return after.map((now) => [before.find(({ name }) => name === now.name), now] as const)
}

function presence(old: Named | undefined, now: Named): Line[] {
  if (old === undefined) return now.answers ? [good(`${now.name} answers`)] : []
  if (old.answers === now.answers) return []
  return [now.answers ? good(`${now.name} answers again`) : bad(`${now.name} does not answer any more`)]
}

function serverChanges(old: LiveServer | undefined, now: LiveServer): Line[] {
  const lines = presence(old, now)
  if (old === undefined || !now.answers) return lines
  if (now.incarnation > old.incarnation && old.incarnation > 0)
    lines.push(plain(`${now.name} begins another life, with another incarnation`))
  if (!old.answers) return lines
  if (old.leaseMs > 0 && now.leaseMs <= 0)
    lines.push(bad(`${now.name} has no lease now: its strong reads travel down the chain, or wait`))
  if (old.leaseMs <= 0 && now.leaseMs > 0) lines.push(good(`${now.name} has a lease`))
  if (old.storage === 'ok' && now.storage !== 'ok')
    lines.push(bad(`the disk of ${now.name} failed: ${now.storage}`))
  return lines
}

const leaderOf = (coordinators: readonly LiveCoordinator[]): LiveCoordinator | null =>
  coordinators.reduce<LiveCoordinator | null>(
    (best, one) =>
      one.answers && one.role === 'leader' && (best === null || one.term > best.term) ? one : best,
    null,
  )

function leadership(before: readonly LiveCoordinator[], after: readonly LiveCoordinator[]): Line[] {
  const [old, now] = [leaderOf(before), leaderOf(after)]
  if (old?.name === now?.name && old?.term === now?.term) return []
  if (now === null) return [bad('no coordinator leads: membership cannot change until one is elected')]
  return [good(`${now.name} leads the coordinators now, term ${now.term}`)]
}

function chainChanges(old: LiveChain | undefined, now: LiveChain): Line[] {
  const shape = `${now.chain} is now ${membersText(now)} at epoch ${now.epoch}`
  if (old === undefined) return [plain(shape)]
  if (now.epoch <= old.epoch) return []
  const gone = old.members.filter(({ server }) => !now.members.some((member) => member.server === server))
  const came = now.members.filter(({ server }) => !old.members.some((member) => member.server === server))
  const serves = now.members.filter(
    ({ server, serving }) =>
      serving && old.members.some((member) => member.server === server && !member.serving),
  )
  const causes = [
    ...gone.map(({ server, leaving }) => `${server}${leaving ? ' has left' : '’s session ended'}`),
    ...(now.joining !== null && now.joining !== old.joining ? [`${now.joining} begins to join`] : []),
    ...came.map(
      ({ server, serving }) => `${server} ${serving ? 'has joined' : 'is a member, not serving yet'}`,
    ),
    ...serves.map(({ server }) => `${server} was handed off to and serves`),
  ]
  const text = causes.length === 0 ? shape : `${causes.join('; ')}; ${shape}`
  return [gone.length > 0 ? bad(text) : good(text)]
}

export function membersText({ members, joining }: LiveChain): string {
  const names = members.map(({ server, serving }) => (serving ? server : `${server} (not serving yet)`))
  const chain = names.length === 0 ? 'nobody' : names.join(', ')
  return joining === null ? chain : `${chain} (${joining} is joining)`
}

const plain = (text: string): Line => ({ kind: 'plain', text })
const good = (text: string): Line => ({ kind: 'good', text })
const bad = (text: string): Line => ({ kind: 'bad', text })
