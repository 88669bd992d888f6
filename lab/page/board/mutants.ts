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
    tryThis: 'Cut n2 off from everybody but a client, wait until it is removed, write, then read at n2.',
    paper: 'DESIGN §5',
  },
  'tail-without-lease': {
    title: 'A tail answers version queries although its lease has run out',
    tryThis:
      'Cut the tail off from the coordinators alone, wait until it is removed, write, and read at a dirty replica.',
    paper: 'DESIGN §5',
  },
  'dirty-reads': {
    title: 'A dirty replica shows its newest version without asking the tail',
    tryThis: 'Hold an append before it reaches the tail, read at the head, then read at the tail.',
    paper: 'CRAQ §2.3',
  },
  'old-clean-value': {
    title: 'A dirty replica shows its newest clean version without asking the tail',
    tryThis: 'Hold an ack on its way to the head, read at the tail, then read at the head.',
    paper: 'CRAQ §2.3',
  },
  'no-fence': {
    title: 'Messages of older epochs are taken as if they were of now',
    tryThis: 'Hold an ack of the tail, crash the tail, and deliver the ack after the reconfiguration.',
    paper: 'DESIGN §4',
  },
  'ack-before-durable': {
    title: 'The tail acknowledges what no disk holds yet',
    tryThis: 'Write, and cut the power of everybody at once when the client has its answer.',
    paper: 'DESIGN §3',
  },
  'no-handoff': {
    title: 'A newcomer serves before it holds what its predecessor holds',
    tryThis: 'Crash a server, write, restart it, and read there as soon as it is a member.',
    paper: 'CRAQ §4.1',
  },
  'votes-twice': {
    title: 'A coordinator votes for everybody who asks',
    tryThis: 'Cut the leader off and slow the links between the others until two of them stand.',
    paper: 'Raft §5.2',
  },
  'longest-log': {
    title: 'A vote goes to the longer log, whatever its last term',
    tryThis: 'Let a cut-off leader append to its log, elect another one, and heal.',
    paper: 'Raft §5.4.1',
  },
} as const satisfies Readonly<Record<string, MutantText>>

export type MutantName = keyof typeof MUTANTS

export const isMutant = (name: unknown): name is MutantName =>
  typeof name === 'string' && Object.hasOwn(MUTANTS, name)
