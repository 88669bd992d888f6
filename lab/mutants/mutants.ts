/**
 * Protocol rules, each left out once: what the simulator must notice. A mutant is a small edit of the source; where the text that it replaces is not there any more, or
 * not once, the list is out of date and says so.
 */
export interface Mutant {
  readonly name: string
  /** The rule that is missing, and what it protects. */
  readonly rule: string
  readonly file: string
  readonly find: string
  readonly replace: string
  /** How many seeds, from 1, the simulator may need at most. */
  readonly seeds: number
  /** Kinds of faults to draw from, where all of them would need many more seeds. Default: all. */
  readonly faults?: string
}

const SEEDS = 200

const mutant = (
  name: string,
  file: string,
  rule: string,
  [find, replace]: readonly [string, string],
  seeds = SEEDS,
): Mutant => ({ name, file, rule, find, replace, seeds })

export const MUTANTS: readonly Mutant[] = [
  // Leases (DESIGN section 5).
  mutant(
    'no-lease-check',
    'chain/read-path.ts',
    'a clean read is answered only under a lease',
    [
      '  leaseLives(replica) && (isTail(replica) || !touchesDirty(replica, command))',
      '  isTail(replica) || !touchesDirty(replica, command)',
    ],
    30,
  ),
  mutant(
    'tail-answers-without-lease',
    'chain/read-path.ts',
    'the tail answers version queries under its own lease only',
    [
      'replica.serving && leaseLives(replica) && selfMember(replica)?.leaving === false',
      'replica.serving && selfMember(replica)?.leaving === false',
    ],
    30,
  ),
  mutant(
    'asker-does-not-look-again',
    'chain/read-path.ts',
    'the asker looks at its lease again when the answer has come',
    ['  if (commit === null || !leaseLives(replica)) {', '  if (commit === null) {'],
    30,
  ),
  mutant(
    'lease-from-the-reply',
    'runtime/server/membership.ts',
    'a lease counts from the sending of the renewal, not from the reply',
    ['life.lease.renewed({ sentAtMs, ', 'life.lease.renewed({ sentAtMs: this.#server.clock.nowMs(), '],
    10,
  ),
  mutant(
    'new-leader-keeps-no-clocks',
    'runtime/coordinator/session-keeper.ts',
    'a new leader gives every session its full time again',
    ['    this.#clock.restartAll(this.#sessions(), nowMs)\n  }\n\n  stopLeading', '  }\n\n  stopLeading'],
    30,
  ),
  // Commit and durability (DESIGN 3.1).
  mutant(
    'own-durable-only',
    'chain/state.ts',
    'the tail commits what is durable at every member, not at itself',
    [
      'isHead(replica) ? durableOf(replica) : asSeq(Math.min(durableOf(replica), replica.upstreamDurable))',
      'durableOf(replica)',
    ],
    10,
  ),
  mutant(
    'forget-upstream',
    'chain/link-upstream.ts',
    'what is known to be durable above survives a new link',
    [
      '  replica.upstream = {\n    server:',
      '  replica.upstreamDurable = NO_SEQ\n  replica.upstream = {\n    server:',
    ],
    10,
  ),
  mutant(
    'written-is-durable',
    'runtime/server/chain-log.ts',
    'an entry is durable once it was synced, not once it was written',
    ['const walPosition = this.#wal.durablePosition', 'const walPosition = this.#wal.lastPosition'],
    10,
  ),
  mutant(
    'new-tail-shows-first',
    'chain/configuration.ts',
    'a new tail commits all that the dead one can have committed before it answers',
    [
      '  // Before it answers anything, a new tail commits all that the dead one can have committed.\n  recommit(replica, out)\n',
      '',
    ],
    40,
  ),
  // Links (DESIGN section 4).
  mutant(
    'no-truncation',
    'chain/link-upstream.ts',
    'a successor drops what its predecessor does not hold',
    ['  if (from.seq === log.last) return\n', '  if (from.seq <= log.last) return\n'],
    20,
  ),
  mutant(
    'no-fence-for-acks',
    'chain/step.ts',
    'a message of an older epoch changes nothing',
    [
      "message.type === 'config-request' || message.epoch < epoch",
      "message.type === 'config-request' || (message.type !== 'ack' && message.epoch < epoch)",
    ],
    20,
  ),
  mutant(
    'heir-not-told',
    'chain/link-upstream.ts',
    'a new member serves only once it has heard what was durable above',
    ['if (upstream?.told && upstream.target', 'if (upstream?.linked && upstream.target'],
    200,
  ),
  mutant(
    'gap-ignored',
    'chain/link-upstream.ts',
    'a gap in what arrives makes a replica link again',
    ['  if (message.previous.seq > log.last) {', '  if (message.previous.seq > log.last + 1000) {'],
    30,
  ),
  // Join (DESIGN section 4).
  mutant(
    'handoff-to-commit',
    'chain/link-downstream.ts',
    'a handoff names all that the predecessor holds, not what it calls committed',
    ['    last: log.last,\n    serving', '    last: log.commit.seq,\n    serving'],
    20,
  ),
  mutant(
    'serves-on-accept',
    'chain/link-upstream.ts',
    'a new member serves only once it durably holds what its predecessor held',
    ['    if (durableOf(replica) >= upstream.target) caughtUp(replica, out)', '    caughtUp(replica, out)'],
    20,
  ),
  mutant(
    'joiner-serves-at-once',
    'coordinator/manager/chain-rules.ts',
    'an appended member is not serving before it was handed off to',
    ['{ ...joining, serving: false, leaving: false }', '{ ...joining, serving: true, leaving: false }'],
    20,
  ),
  mutant(
    'last-one-dropped',
    'coordinator/manager/chain-rules.ts',
    'the last serving member is never dropped',
    ['if (chain.liveServing.length === 0) return', 'if (chain.config.members.length === 0) return'],
    40,
  ),
  mutant(
    'dropped-before-it-left',
    'coordinator/manager/chain-rules.ts',
    'a live member is dropped only once it has said that it answers nothing any more',
    [
      "member.leaving && (said === 'left' || said === 'failed') && others",
      "member.leaving && said !== 'synced' && others",
    ],
    40,
  ),
  {
    ...mutant(
      'leaving-tail-answers',
      'chain/read-path.ts',
      'a leaving tail names no commit point',
      ['leaseLives(replica) && selfMember(replica)?.leaving === false\n', 'leaseLives(replica)\n'],
      60,
    ),
    faults: 'operator',
  },
  // Reads (DESIGN 3.3).
  mutant(
    'share-question-in-flight',
    'chain/read-path.ts',
    'a read never joins a version query that is in flight',
    [
      '  replica.waitingReads.push(read)\n',
      '  ;((replica.question?.reads as WaitingRead[] | undefined) ?? replica.waitingReads).push(read)\n',
    ],
    20,
  ),
  mutant(
    'dirty-reads',
    'chain/read-path.ts',
    'a dirty key is not answered from here',
    ['    for (const key of command.keys) if (replica.log.isDirty(key)) return true\n', ''],
    60,
  ),
  // Exactly once (DESIGN 3.2).
  mutant(
    'forget-dirty-requests',
    'chain/write-path.ts',
    'a retry whose first try is dirty waits for that entry',
    ['const dirty = replica.log.dirtyRequest(session, requestNumber)', 'const dirty = null as Seq | null'],
    30,
  ),
  mutant(
    'forget-first-results',
    'chain/write-path.ts',
    'a retry of what is committed gets the first result',
    [
      'const first = results?.result(requestNumber) ?? null',
      'const first = null as ReturnType<SessionResults["result"]> | null',
    ],
    30,
  ),
  mutant(
    'session-outlives-its-server',
    'chain/configuration.ts',
    'a server whose session is over serves nothing',
    ["  retire(replica, 'lost its coordinator session', out)\n}\n\n/** Nothing may", '}\n\n/** Nothing may'],
    40,
  ),
  mutant(
    'earlier-life-counts',
    'chain/state.ts',
    'what a configuration says of an earlier life of a server is not said of this one',
    ['named?.incarnation === incarnation ? named : null', 'named ?? null'],
    60,
  ),
  // Raft.
  mutant(
    'votes-twice',
    'coordinator/raft/election.ts',
    'one vote a term (Raft §5.2)',
    ['const free = raft.votedFor === null || raft.votedFor === from', 'const free = raft.term > 0'],
    10,
  ),
  mutant(
    'longest-log-wins',
    'coordinator/raft/election.ts',
    'the higher last term wins, not the longer log (Raft §5.4.1)',
    ['  if (candidate.lastTerm !== log.lastTerm) return candidate.lastTerm > log.lastTerm\n', ''],
    30,
  ),
  mutant(
    'truncates-what-matches',
    'coordinator/raft/acceptance.ts',
    'an old message truncates nothing that it does not contradict (Raft §5.3)',
    [
      'const fresh = entries.slice(countHeld(raft.log, entries))',
      'const fresh = entries.filter(({ index }) => index > raft.log.base.lastIndex)',
    ],
    20,
  ),
  mutant(
    'acks-before-the-disk',
    'coordinator/raft/acceptance.ts',
    'a follower acknowledges what is durable (Raft §5.1)',
    [
      "{ type: 'append-reply', term: raft.term, round: message.round, outcome },\n    afterAllWrites(raft),",
      "{ type: 'append-reply', term: raft.term, round: message.round, outcome },\n    0 as ReturnType<typeof afterAllWrites>,",
    ],
    10,
  ),
  {
    ...mutant(
      'commits-older-terms',
      'coordinator/raft/replication.ts',
      'only entries of the own term are committed by counting (Raft §5.4.2)',
      [
        'if (reached <= raft.commit || raft.log.termAt(reached) !== raft.term) return',
        'if (reached <= raft.commit) return',
      ],
      60,
    ),
    faults: 'elections',
  },
  mutant(
    'reads-without-a-round',
    'coordinator/raft/read-index.ts',
    'a leader confirms that it still leads before it answers a sync (Raft §8)',
    ['  if (confirmed < confirming.round) return\n', '  if (confirmed < 0) return\n'],
    60,
  ),
  // ZooKeeper.
  // A member that is behind sends a client away at once (request-queue.ts); without that it would open the connection only after it has applied the resumption of the session,
  // which comes behind all that the client can have seen. So leaving it out breaks nothing, and is no mutant.
  mutant(
    'writes-overtake-syncs',
    'coordinator/znodes/request-queue.ts',
    'a write waits for the syncs that its session sent before it',
    ['      if (connection.syncs > 0) return\n', ''],
  ),
  mutant(
    'watches-lost-on-the-way',
    'client/coordinator/session.ts',
    'a client sets its watches again at the next member before it asks anything',
    ['      this.#connection?.send(encodeRequest(XIDS.setWatches, request))\n', '      void request\n'],
    10,
  ),
  mutant(
    'missed-events-not-told',
    'coordinator/znodes/watches.ts',
    'what changed while a client was away is told when its watches are set again',
    [
      '  return changedZxid > relativeZxid ? changed : null\n',
      '  return changedZxid > relativeZxid + 1e9 ? changed : null\n',
    ],
  ),
  mutant(
    'gap-of-a-session',
    'coordinator/znodes/apply.ts',
    'of the writes of a session none takes effect before the one that was sent before it',
    ["  if (command.order > session.order + 1) return { status: 'ignored-gap' }\n", ''],
    60,
  ),
  mutant(
    'watch-after-reply',
    'coordinator/znodes/request-queue.ts',
    'a watch event leaves before any reply that reflects its change',
    [
      '    for (const change of result.changes) this.#watches.fire(change, this.#notify)\n    const asker =',
      '    try {\n      this.#afterWatches(command, result)\n    } finally {\n      for (const change of result.changes) this.#watches.fire(change, this.#notify)\n    }\n  }\n\n  #afterWatches(command: Command, result: ApplyResult): void {\n    const asker =',
    ],
    2000,
  ),
  mutant('ephemerals-survive', 'coordinator/znodes/writes.ts', 'ephemerals go with their session', [
    '    removeNode(txn, path, node)\n  }\n  tree.sessions.delete(session.id)',
    '    if (!path.startsWith("/catenary/servers")) removeNode(txn, path, node)\n  }\n  tree.sessions.delete(session.id)',
  ]),
  mutant(
    'session-taken-back',
    'coordinator/znodes/apply.ts',
    'a connection that has lost a session does not get it back',
    [
      '  if (owner.connection <= newest) return { err: ZK_ERRORS.SessionMoved }\n',
      '  if (owner.connection < 0 && newest > 0) return { err: ZK_ERRORS.SessionMoved }\n',
    ],
    900,
  ),
]
