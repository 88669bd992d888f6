import { useContext } from 'preact/hooks'
import type { CoordinatorView, RaftView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { CardPartsContext } from './card-parts.ts'
import { ProcessNote, shortName } from './node-menu.tsx'

const SLOTS_MAX = 9
const NARROW = 120
const SLOT_WIDTH = 19

/** As on the lecture's board: a slot is its term. */
function RaftLog({ raft, width }: { readonly raft: RaftView; readonly width: number }) {
  const slots = raft.log.slice(-Math.max(3, Math.min(SLOTS_MAX, Math.floor((width - 50) / SLOT_WIDTH))))
  const first = slots[0]?.index ?? raft.last + 1
  return (
    <div
      class="raft-log"
      role="img"
      aria-label={`log to ${raft.last}, committed to ${raft.commit}; terms ${slots.map(({ term }) => term).join(' ')}`}
    >
      <small class="index">{first}</small>
      {slots.map(({ index, term, text, committed }) => (
        <span
          key={index}
          class={`term-slot ${committed ? 'committed' : 'open'}`}
          title={`${index}: ${text} (term ${term}, ${committed ? 'committed' : 'not committed'})`}
        >
          {term}
        </span>
      ))}
    </div>
  )
}

function votes({ role, votes: granted, votedFor }: RaftView): string {
  if (role === 'candidate' || role === 'pre-candidate')
    return `votes: ${granted.map(shortName).join(', ') || 'none'}`
  return votedFor === null ? 'has not voted' : `voted for ${shortName(votedFor)}`
}

interface CoordinatorCardProps {
  readonly coordinator: CoordinatorView
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const CoordinatorCard = memo(({ coordinator, x, y, width, height }: CoordinatorCardProps) => {
  const { Name, More } = useContext(CardPartsContext)
  const { raft } = coordinator
  const isSilent = coordinator.state === 'silent'
  return (
    <section
      class={`card coordinator ${width < NARROW ? 'narrow' : ''} ${coordinator.state} ${raft?.role ?? 'down'}`}
      style={{ transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` }}
      aria-label={`${coordinator.name}, ${raft?.role ?? (isSilent ? 'does not answer' : 'down')}`}
      data-node={coordinator.name}
    >
      <header>
        <Name node={coordinator} kind="coordinator" />
        {raft !== null && (
          <span class="epoch term" title="Raft's term">
            term {raft.term}
          </span>
        )}
      </header>
      <p class="role">
        {raft?.role === 'leader' && <span aria-hidden="true">★ </span>}
        {raft?.role ?? (isSilent ? '' : 'down')}
        {coordinator.manages && <em title="it writes the chains' configurations"> manager</em>}
        <ProcessNote node={coordinator} />
      </p>
      {raft !== null && (
        <>
          <RaftLog raft={raft} width={width} />
          <p class="votes">
            {votes(raft)} · commit {raft.commit}
          </p>
        </>
      )}
      {More !== null && <More name={coordinator.name} />}
    </section>
  )
})
