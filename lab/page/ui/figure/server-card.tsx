import { useContext, useRef } from 'preact/hooks'
import type {
  ChainEntryView,
  KeyView,
  LeaseView,
  ProcessState,
  ReplicaView,
  ServerView,
} from '../../board/view.ts'
import { leaseFraction } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { usePainter } from '../run/page.ts'
import { CardPartsContext } from './card-parts.ts'
import { ProcessNote } from './node-menu.tsx'

const RING = 2 * Math.PI * 8
const SLOTS_MAX = 7
const NARROW = 120
/** With a number of two digits, and of three. */
const SLOT_WIDTH = 20
const WIDER_SLOT = 25
const THREE_DIGITS = 100
/** Of the number of a slot: all of it stands in the slot’s title, and beneath. */
const DIGITS_SHOWN = 3

/** Drains as the lease runs out. */
function LeaseRing({ lease }: { readonly lease: LeaseView | null }) {
  const arc = useRef<SVGCircleElement>(null)
  const root = useRef<SVGSVGElement>(null)
  let shown = -1
  usePainter(
    (nowMs) => {
      const left = Math.ceil(leaseFraction(lease, nowMs) * 100) / 100
      if (left === shown) return
      shown = left
      arc.current?.setAttribute('stroke-dashoffset', String(RING * (1 - left)))
      const text = left > 0 ? `lease: ${Math.round(left * 100)} % left` : 'no lease'
      root.current?.setAttribute('aria-label', text)
      root.current?.classList.toggle('gone', left === 0)
    },
    [lease],
  )
  return (
    <svg class="ring" ref={root} viewBox="0 0 22 22" role="img">
      <title>lease: local strong reads are answered while it lasts (DESIGN §5)</title>
      <circle class="ring-back" cx="11" cy="11" r="8" />
      <circle
        class="ring-arc"
        ref={arc}
        cx="11"
        cy="11"
        r="8"
        stroke-dasharray={RING}
        transform="rotate(-90 11 11)"
      />
      <path class="ring-cross" d="M7 7L15 15M15 7L7 15" />
    </svg>
  )
}

const ROLE_WORDS: Readonly<Record<ReplicaView['role'], string>> = {
  only: 'head + tail',
  head: 'head',
  middle: 'middle',
  tail: 'tail',
  joining: 'joining',
  removed: 'removed',
  outside: 'spare',
  leader: 'leader',
  follower: 'follower',
  candidate: 'candidate',
  'pre-candidate': 'pre-candidate',
}

const WITHOUT_REPLICA: Readonly<Record<ProcessState, string>> = {
  up: 'spare',
  paused: 'spare',
  crashed: 'down',
  silent: '',
}

/** The newest slots of a log, with the marks beneath: committed, durable, last. */
function Log({ replica, width }: { readonly replica: ReplicaView; readonly width: number }) {
  const slotWidth = replica.last < THREE_DIGITS ? SLOT_WIDTH : WIDER_SLOT
  const slots = replica.log.slice(-Math.max(3, Math.min(SLOTS_MAX, Math.floor((width - 22) / slotWidth))))
  const marks: readonly [string, number, string][] = [
    ['c', replica.commit, 'commit'],
    ['d', replica.durable, 'durable'],
    ['l', replica.last, 'last'],
  ]
  return (
    <div
      class="log"
      role="img"
      aria-label={`log: ${marks.map(([, seq, name]) => `${name} ${seq}`).join(', ')}`}
    >
      <div class="slots">
        {slots.length === 0 && <span class="none">empty log</span>}
        {slots.map((entry) => (
          <Slot key={entry.seq} entry={entry} marks={marks.filter(([, seq]) => seq === entry.seq)} />
        ))}
      </div>
      <div class="numbers">
        {marks.map(([letter, seq, name]) => (
          <span key={letter} class={`mark ${letter}`}>
            {name} <b>{seq}</b>
          </span>
        ))}
      </div>
    </div>
  )
}

function Slot(props: {
  readonly entry: ChainEntryView
  readonly marks: readonly [string, number, string][]
}) {
  const { entry, marks } = props
  return (
    <span class="slot-place">
      <span
        class={`slot ${entry.state}`}
        title={`${entry.seq}: ${entry.text} (${entry.state}, epoch ${entry.epoch})`}
      >
        {String(entry.seq).slice(-DIGITS_SHOWN)}
      </span>
      <span class="slot-marks">
        {marks.map(([letter, , name]) => (
          <i key={letter} class={`tick ${letter}`} title={name} />
        ))}
      </span>
    </span>
  )
}

function Key({ shown }: { readonly shown: KeyView }) {
  return (
    <li>
      <span class="key">{shown.key}</span>
      {shown.versions.map(({ version, value, state }) => (
        <span key={version} class={`version ${state}`} title={`version ${version}, ${state}`}>
          <span class="sr">{state} </span>
          <b>{value ?? '∅'}</b>
          <small>{version}</small>
        </span>
      ))}
    </li>
  )
}

function Replica({ replica, width }: { readonly replica: ReplicaView; readonly width: number }) {
  const { waitingReads, question } = replica
  return (
    <>
      <Log replica={replica} width={width} />
      <ul class="keys" aria-label="keys and their versions">
        {replica.keys.map((key) => (
          <Key key={key.key} shown={key} />
        ))}
      </ul>
      {(waitingReads > 0 || question !== null) && (
        <p class="waits">
          {waitingReads} {waitingReads === 1 ? 'read waits' : 'reads wait'}
          {question === 'version'
            ? ' for the tail’s version'
            : question === 'barrier'
              ? ' for a barrier'
              : ''}
        </p>
      )}
    </>
  )
}

interface ServerCardProps {
  readonly server: ServerView
  readonly chain: string
  /** Of the committed configuration, to tell who believes in an older one. */
  readonly epoch: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const ServerCard = memo(({ server, chain, epoch, x, y, width, height }: ServerCardProps) => {
  const { Name, More } = useContext(CardPartsContext)
  const replica = server.replicas.find((each) => each.chain === chain) ?? null
  const stale = replica !== null && replica.epoch > 0 && replica.epoch < epoch
  const role = replica === null ? WITHOUT_REPLICA[server.state] : ROLE_WORDS[replica.role]
  return (
    <section
      class={`card server ${width < NARROW ? 'narrow' : ''} ${server.state} ${replica?.serving === true ? 'serving' : 'idle'}`}
      style={{ transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` }}
      aria-label={`server ${server.name}, ${role === '' ? 'does not answer' : role}`}
      data-node={server.name}
    >
      <header>
        <Name node={server} kind="server" />
        <LeaseRing lease={server.lease} />
        {replica !== null && replica.epoch > 0 && (
          <span
            class={stale ? 'epoch stale' : 'epoch'}
            title={stale ? `the chain is at epoch ${epoch}` : 'epoch of its configuration'}
          >
            e{replica.epoch}
          </span>
        )}
      </header>
      <p class="role">
        {role}
        {replica !== null && !replica.serving && role !== 'spare' && <em> not serving</em>}
        {replica?.leaving === true && <em> leaving</em>}
        <ProcessNote node={server} />
      </p>
      {replica !== null && <Replica replica={replica} width={width} />}
      {More !== null && <More name={server.name} />}
    </section>
  )
})
