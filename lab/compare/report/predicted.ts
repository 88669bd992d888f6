/** What the protocols cost on paper, beside what was measured. */
import { escapeHtml } from '../../checker/page/text.ts'
import { countText, latencyText, timesText } from '../number-text.ts'
import { costs, outages, PROTOCOLS, type Protocol, slowNode } from '../predictions.ts'
import type { Point, Results } from '../results.ts'
import { bytesOf, medianUsOf, messagesOf, nameOf, pointsOf, rateOf, syncsOf, systemOf } from '../summary.ts'
import { htmlTable, type Section } from './section.ts'

const NAMES: Record<Protocol, string> = {
  chain: 'Chain replication',
  craq: 'CRAQ',
  raft: 'Raft (ReadIndex at its leader)',
  'primary-backup': 'Primary, backups',
}

export function predictionSection(results: Results): Section {
  const n = 3
  const valueBytes = pointsOf(results, 'headline')[0]?.workload.valueBytes ?? 100
  return {
    id: 'predictions',
    title: 'Predicted, and measured',
    lead: 'What follows from the protocols alone, for three replicas: one operation at a time, without batches. docs/guide/chain-or-quorum.md has the formulas and the reasons.',
    body: `<div class="card"><h3>On paper</h3>${paperTable(n, valueBytes)}</div>${measuredCard(results, n)}<div class="card"><h3>While a part is down, until the others know</h3>${outageTable()}</div>`,
  }
}

function paperTable(n: number, valueBytes: number): string {
  const all = PROTOCOLS.map((protocol) => ({ protocol, cost: costs({ protocol, n, valueBytes, batch: 1 }) }))
  const row = (name: string, pick: (cost: (typeof all)[number]['cost']) => number, text = countText) => [
    name,
    ...all.map(({ cost }) => text(pick(cost))),
  ]
  const whole = (value: number) => String(value)
  return htmlTable(
    ['', ...all.map(({ protocol }) => NAMES[protocol])],
    [
      row('messages between replicas, a write', (c) => c.messagesPerWrite, whole),
      row('… a read', (c) => c.messagesPerRead, whole),
      row('… a read of a key that is being written', (c) => c.messagesPerDirtyRead, whole),
      row('message delays, a write', (c) => c.writeDelays, whole),
      row('… a read', (c) => c.readDelays, whole),
      row('… a read of a key that is being written', (c) => c.dirtyReadDelays, whole),
      row('bytes of values that the busiest replica sends for a write', (c) => c.busiestSendsBytes, whole),
      row('disk syncs of all replicas, a write', (c) => c.syncsPerWrite, whole),
      row('replicas that may answer a linearizable read', (c) => c.readers, whole),
      row('failures survived', (c) => c.failuresSurvived, whole),
      [
        'a write, where a follower is 10 times slower',
        ...PROTOCOLS.map((protocol) => timesText(slowNode({ protocol, n }, 10).other)),
      ],
    ],
  )
}

const PROTOCOL_OF: Readonly<Record<string, Protocol>> = {
  'catenary-craq': 'craq',
  'catenary-chain': 'chain',
  'catenary-raft': 'raft',
  'catenary-raft-lease': 'raft',
  'catenary-primary-backup': 'primary-backup',
  etcd: 'raft',
  zookeeper: 'raft',
  jetstream: 'raft',
}

function protocolOf(system: string): Protocol | null {
  const [id = ''] = system.split('@')
  return PROTOCOL_OF[id] ?? null
}

/** Only what can be held against each other: counts of messages, bytes and syncs, delays of single writes, and growth with replicas. */
function measuredCard(results: Results, n: number): string {
  const alone = pointsOf(results, 'headline').filter(
    ({ loop, system, workload }) =>
      loop.type === 'closed' &&
      protocolOf(system) !== null &&
      workload.name === 'writes' &&
      (systemOf(results, system)?.group ?? 'durable') === 'durable' &&
      loop.outstanding === 1,
  )
  const rows = alone.map((point) => {
    const protocol = protocolOf(point.system) ?? 'raft'
    const cost = costs({ protocol, n, valueBytes: point.workload.valueBytes, batch: 1 })
    const measured = (spread: { median: number } | null, text: (value: number) => string) =>
      spread === null ? 'not counted' : text(spread.median)
    return [
      nameOf(results, point),
      `${cost.messagesPerWrite} · ${measured(messagesOf(point), countText)}`,
      `${cost.totalBytes} · ${measured(bytesOf(point), countText)}`,
      `${cost.syncsPerWrite} · ${measured(syncsOf(point), countText)}`,
      `${cost.writeDelays} delays · ${measured(medianUsOf(point), latencyText)}`,
    ]
  })
  const scaling = scalingRows(results)
  return [
    rows.length === 0
      ? ''
      : `<div class="card"><h3>One write at a time: predicted · measured</h3><p class="remark">Predicted bytes are those of the values; measured ones include keys, headers and heartbeats. A system may say more than the protocol needs: to tell that a disk has written, for one.</p>${htmlTable(['', 'messages', 'bytes', 'disk syncs', 'latency'], rows)}</div>`,
    scaling.length === 0
      ? ''
      : `<div class="card"><h3>Linearizable and stale reads, from the fewest replicas to the most: predicted · measured</h3>${htmlTable(['', 'growth of the rate'], scaling)}</div>`,
  ].join('')
}

function scalingRows(results: Results): string[][] {
  const lines = new Map<string, Point[]>()
  for (const point of pointsOf(results, 'read-scaling')) {
    const name = nameOf(results, point)
    lines.set(name, [...(lines.get(name) ?? []), point])
  }
  return [...lines].flatMap(([name, points]) => {
    const sorted = points.sort((a, b) => (a.x ?? 0) - (b.x ?? 0))
    const [first, last] = [sorted[0], sorted.at(-1)]
    const protocol = first === undefined ? null : protocolOf(first.system)
    const [low, high] = [first, last].map((point) => (point === undefined ? 0 : (rateOf(point)?.median ?? 0)))
    if (first === undefined || last === undefined || first === last || protocol === null || !low || !high)
      return []
    const [from, to] = [first.x ?? 1, last.x ?? 1]
    const readers = (n: number) => readersOf(first, protocol, n)
    return [[name, `${timesText(readers(to) / readers(from))} · ${timesText(high / low)}`]]
  })
}

/** etcd's members and any replica of ours answer linearizable reads once the leader has told them how far to wait. */
function readersOf({ system, variant, level }: Point, protocol: Protocol, n: number): number {
  if (level === 'stale') return n
  const isSpread = system.startsWith('etcd') || variant.startsWith('any')
  const read = isSpread ? 'follower-read-index' : 'read-index'
  return costs({ protocol, n, valueBytes: 0, batch: 1 }, read).readers
}

function outageTable(): string {
  const rows = PROTOCOLS.flatMap((protocol) =>
    outages(protocol).map(({ part, writes, reads }) => [
      NAMES[protocol].replace(/ \(.*/, ''),
      part,
      writes,
      reads,
    ]),
  )
  const body = rows
    .map(
      (cells) =>
        `<tr>${cells.map((cell, i) => (i === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td>${escapeHtml(cell)}</td>`)).join('')}</tr>`,
    )
    .join('')
  return `<div class="scroll" tabindex="0" role="region" aria-label="Outages"><table class="words"><thead><tr>${['', 'part', 'writes', 'linearizable reads'].map((text) => `<th scope="col">${text}</th>`).join('')}</tr></thead><tbody>${body}</tbody></table></div>`
}
