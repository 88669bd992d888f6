/** Rules that the visitor can leave out, one at a time: what they are for shows in what goes wrong without them. */

export interface MutantText {
  /** What is left out, as a button says it. */
  readonly title: string
  /** What to try in order to see it go wrong. */
  readonly tryThis: string
  readonly paper: string
}

export const MUTANTS = {
  'no-lease-check': {
    title: 'A replica answers strong reads although its lease has run out',
    tryThis: 'Write x, isolate n2, wait until it is removed, write x again, then read x at n2.',
    paper: 'DESIGN §5',
  },
  'tail-without-lease': {
    title: 'A tail answers version queries although its lease has run out',
    tryThis:
      'Write x. Cut the tail off from the coordinators and from the middle, and write again. Just before it is removed, cut the head off from those, too. Once it is, read at the middle, then at the head.',
    paper: 'DESIGN §5',
  },
  'dirty-reads': {
    title: 'A dirty replica shows its newest version without asking the tail',
    tryThis:
      'Write x twice; hold the second append on its way to the tail. Read in the middle, then at the tail.',
    paper: 'CRAQ §2.3',
  },
  'old-clean-value': {
    title: 'A dirty replica shows its newest clean version without asking the tail',
    tryThis: 'Write x twice; hold the second ack on its way to the head. Read at the tail, then at the head.',
    paper: 'CRAQ §2.3',
  },
  'no-fence': {
    title: 'Messages of older epochs are taken as if they were of now',
    tryThis:
      'Write, hold the ack on its way to the head, crash the tail, and deliver the ack after the reconfiguration.',
    paper: 'DESIGN §4',
  },
  'ack-before-durable': {
    title: 'The tail acknowledges what no disk holds yet',
    tryThis:
      'With a slow disk: write, and cut the power of everything as soon as the client has its answer. Restart all, and read.',
    paper: 'DESIGN §3',
  },
  'no-handoff': {
    title: 'A newcomer serves before it holds what its predecessor holds',
    tryThis:
      'With two members and a spare: crash one. When the spare has caught up, cut the link to it, write, and read at the newcomer once it is the tail.',
    paper: 'CRAQ §4.1',
  },
  'votes-twice': {
    title: 'A coordinator votes for everybody who asks',
    tryThis: 'Crash the leader, and slow the links between the other two: both will stand.',
    paper: 'Raft §5.2',
  },
  'longest-log': {
    title: 'A vote goes to the longer log, whatever its last term',
    tryThis:
      'Cut the leader off while clients still write to it, pause it, wait for another leader, crash that one, and let the old one come back.',
    paper: 'Raft §5.4.1',
  },
} as const satisfies Readonly<Record<string, MutantText>>

export type MutantName = keyof typeof MUTANTS

export const isMutant = (name: unknown): name is MutantName =>
  typeof name === 'string' && Object.hasOwn(MUTANTS, name)
