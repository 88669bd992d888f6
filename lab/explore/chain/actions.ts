/** What can happen to a chain, as numbers: the kind, and up to two servers (or a server and a choice). */
export const DELIVER = 0
export const LOSE = 1
export const SYNC = 2
export const FLUSH = 3
export const TELL = 4
export const PLAN = 5
export const EXPIRE = 6
export const WRITE = 7
export const READ = 8
export const CRASH = 9
export const LAPSE = 10
export const START = 11
export const RENEW = 12
export const HASTY = 13
export const TIME = 14
export const HOLD = 15
export const RELEASE = 16

export const code = (kind: number, a = 0, b = 0): number => (kind << 16) | (a << 8) | b

/**
 * The thing to which an action belongs, of at most four servers: a link (4 x from + to), a disk (on the places of links
 * from a server to itself), a watch (from 16 on), the end of a session (from 20 on) or the manager (24).
 */
export function thingOf(action: number): number {
  const [a, b] = [(action >> 8) & 255, action & 255]
  switch (action >> 16) {
    case DELIVER:
    case LOSE:
      return a * 4 + b
    case SYNC:
    case FLUSH:
      return a * 5
    case TELL:
      return 16 + a
    case EXPIRE:
      return 20 + a
    default:
      return 24
  }
}

type NameOf = (server: number) => string

function nameOfThing(thing: number, nameOf: NameOf): string {
  if (thing === 24) return 'the manager'
  if (thing >= 20) return `the end of the session of ${nameOf(thing - 20)}`
  if (thing >= 16) return `the watch of ${nameOf(thing - 16)}`
  return thing % 5 === 0
    ? `the disk of ${nameOf(thing / 5)}`
    : `${nameOf(thing >> 2)} -> ${nameOf(thing & 3)}`
}

/** For people. */
export function titleOf(action: number, nameOf: NameOf): string {
  const first = (action >> 8) & 255
  const [a, b] = [nameOf(first), nameOf(action & 255)]
  const titles: Readonly<{ [kind: number]: string }> = {
    [DELIVER]: `${a} is heard by ${b}`,
    [LOSE]: `what ${a} sent last to ${b} is lost`,
    [SYNC]: `the disk of ${a} syncs`,
    [FLUSH]: `the store of ${a} is flushed`,
    [TELL]: `${a} hears of the newest configuration`,
    [PLAN]: 'the manager writes a configuration',
    [EXPIRE]: `the session of ${a} ends`,
    [WRITE]: `a client writes at ${a}`,
    [READ]: `a client reads at ${a}`,
    [CRASH]: `${a} crashes`,
    [LAPSE]: `the lease of ${a} runs out`,
    [START]: `${a} starts again (outcome ${action & 255} of the crash)`,
    [RENEW]: `${a} opens its next session`,
    [HASTY]: `the clock of ${a} runs ahead`,
    [TIME]: 'time passes',
    [HOLD]: `${nameOfThing(first, nameOf)} is held up`,
    [RELEASE]: `${nameOfThing(first, nameOf)} goes on`,
  }
  return titles[action >> 16] ?? '?'
}
