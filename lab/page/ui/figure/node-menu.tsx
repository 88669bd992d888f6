import { useState } from 'preact/hooks'
import type { Action } from '../../board/action.ts'
import type { ProcessState, ProcessView } from '../../board/view.ts'
import { Choice, Menu } from '../parts/menu.tsx'
import { usePage } from '../run/page.ts'
import type { NodeKind } from './card-parts.ts'

const SLOW_MS = 50

const STATES: Readonly<Record<ProcessState, string>> = {
  up: '',
  paused: 'paused',
  crashed: 'crashed',
  silent: 'does not answer',
}

export const shortName = (name: string): string => name.replace('coordinator-', 'c')

/** What is wrong with a process, in words. */
export function ProcessNote({ node }: { readonly node: ProcessView }) {
  const notes = [
    STATES[node.state],
    node.slowMs > 0 ? `slow: ${node.slowMs} ms each` : '',
    node.clockRate !== 1 ? `clock ×${node.clockRate}` : '',
  ].filter((note) => note !== '')
  return notes.length === 0 ? null : <span class="fault"> {notes.join(', ')}</span>
}

function CutLink({ name, act }: { readonly name: string; readonly act: (action: Action) => void }) {
  const { view } = usePage().runner
  const all = view === null ? [] : [...view.servers, ...view.coordinators, ...view.clients]
  const others = all.map((each) => each.name).filter((each) => each !== name)
  const [other, setOther] = useState(others[0] ?? '')
  const choices = [
    ['cut', 'Cut both ways', { type: 'cut', from: name, to: other, both: true }],
    ['cut-to', `Cut ${name} → ${other}`, { type: 'cut', from: name, to: other, both: false }],
    ['slow', 'Slow ×10', { type: 'slow-link', from: name, to: other, factor: 10 }],
    ['heal', 'Heal', { type: 'heal', from: name, to: other, both: true }],
  ] as const
  return (
    <fieldset class="link-faults">
      <legend>Its link with</legend>
      <select
        aria-label={`other end of ${name}'s link`}
        value={other}
        onChange={(event) => setOther(event.currentTarget.value)}
      >
        {others.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <div class="choices">
        {choices.map(([key, text, action]) => (
          <Choice key={key} onChoose={() => act(action)}>
            {text}
          </Choice>
        ))}
      </div>
    </fieldset>
  )
}

interface NodeMenuProps {
  readonly node: ProcessView
  readonly kind: NodeKind
}

/** Everything bad that can be done to one process, and its cure. */
export function NodeMenu({ node, kind }: NodeMenuProps) {
  const { runner } = usePage()
  const { name, state, slowMs, clockRate } = node
  const act = (action: Action) => void runner.act(action)
  return (
    <Menu
      label={
        <>
          {shortName(name)} <i aria-hidden="true">▾</i>
        </>
      }
      name={`${name}: faults`}
      class="node-menu"
    >
      {state === 'crashed' && <Choice onChoose={() => act({ type: 'restart', node: name })}>Restart</Choice>}
      {state === 'paused' && <Choice onChoose={() => act({ type: 'resume', node: name })}>Go on</Choice>}
      {state === 'up' && <Choice onChoose={() => act({ type: 'pause', node: name })}>Pause</Choice>}
      {state !== 'crashed' && (
        <>
          <Choice danger onChoose={() => act({ type: 'crash', node: name })}>
            Crash
          </Choice>
          <Choice danger onChoose={() => act({ type: 'power-cut', node: name })}>
            Power cut
          </Choice>
          <Choice onChoose={() => act({ type: 'slow', node: name, costMs: slowMs > 0 ? 0 : SLOW_MS })}>
            {slowMs > 0 ? 'As fast as ever' : 'Slow'}
          </Choice>
          <Choice onChoose={() => act({ type: 'skew', node: name, rate: clockRate === 1 ? 0.7 : 1 })}>
            {clockRate === 1 ? 'Clock 30 % too slow' : 'Clock right again'}
          </Choice>
        </>
      )}
      <Choice danger onChoose={() => act({ type: 'isolate', node: name })}>
        Cut off from everybody
      </Choice>
      <Choice onChoose={() => act({ type: 'rejoin', node: name })}>Connect again</Choice>
      {kind === 'server' && state === 'up' && (
        <>
          <Choice onChoose={() => act({ type: 'drain', node: name })}>Ask to leave</Choice>
          <Choice onChoose={() => act({ type: 'undrain', node: name })}>Let it come back</Choice>
        </>
      )}
      <CutLink name={name} act={act} />
    </Menu>
  )
}
