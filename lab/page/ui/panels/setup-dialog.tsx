import { useState } from 'preact/hooks'
import { isMutant, MUTANTS } from '../../board/mutants.ts'
import { type BoardOptions, DEFAULT_OPTIONS } from '../../board/options.ts'
import { Dialog } from '../parts/dialog.tsx'
import { usePage } from '../run/page.ts'

type NumberName = {
  [Name in keyof BoardOptions]: BoardOptions[Name] extends number ? Name : never
}[keyof BoardOptions]

const NUMBERS: readonly (readonly [NumberName, string, number, number, number])[] = [
  ['seed', 'seed', 0, 2 ** 31, 1],
  ['servers', 'servers', 1, 7, 1],
  ['replicationFactor', 'members of a chain', 1, 7, 1],
  ['chains', 'chains', 1, 3, 1],
  ['coordinators', 'coordinators', 1, 5, 2],
  ['clients', 'clients', 1, 8, 1],
  ['latencyMs', 'ms on a link, one way', 0.1, 200, 0.1],
  ['fsyncMs', 'ms to reach the disk', 0.05, 500, 0.05],
  ['sessionTimeoutMs', 'ms to the end of a session', 500, 60_000, 100],
  ['snapshotEntries', 'entries to a snapshot', 20, 100_000, 1],
]

/** A new run, from a seed and options; what the store is like if a rule is left out. */
export function SetupDialog({ onClose }: { readonly onClose: () => void }) {
  const page = usePage()
  const [options, setOptions] = useState<BoardOptions>(page.runner.board?.options ?? DEFAULT_OPTIONS)
  const change = (part: Partial<BoardOptions>) => setOptions({ ...options, ...part })
  const mutant = options.mutant === null ? null : MUTANTS[options.mutant]
  const start = (event: Event) => {
    event.preventDefault()
    page.set({ dialog: null, scenario: null, pinned: null, chain: null, client: 'client-1' })
    void page.runner.load({ options })
  }
  return (
    <Dialog title="A new run" onClose={onClose}>
      <form class="setup" onSubmit={start}>
        <div class="setup-numbers">
          {NUMBERS.map(([name, text, min, max, step]) => (
            <label key={name}>
              <span>{text}</span>
              <input
                type="number"
                name={name}
                min={min}
                max={max}
                step={step}
                required
                value={options[name]}
                onInput={(event) => change({ [name]: event.currentTarget.valueAsNumber })}
              />
            </label>
          ))}
        </div>
        <Choices options={options} change={change} />
        <label class="what-if">
          <span>What if we left this out?</span>
          <select
            value={options.mutant ?? ''}
            aria-label="rule that is left out"
            onChange={(event) =>
              change({ mutant: isMutant(event.currentTarget.value) ? event.currentTarget.value : null })
            }
          >
            <option value="">nothing is left out</option>
            {Object.entries(MUTANTS).map(([name, { title }]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        {mutant !== null && (
          <p class="hint">
            {mutant.tryThis} <cite>{mutant.paper}</cite>
          </p>
        )}
        <p class="dialog-buttons">
          <button type="button" onClick={() => setOptions(DEFAULT_OPTIONS)}>
            As usual
          </button>
          <button type="submit" class="primary">
            Start
          </button>
        </p>
      </form>
    </Dialog>
  )
}

function Choices({
  options,
  change,
}: {
  readonly options: BoardOptions
  readonly change: (part: Partial<BoardOptions>) => void
}) {
  return (
    <div class="setup-choices">
      <label>
        <span>reads</span>
        <select
          value={options.replication}
          onChange={(event) =>
            change({ replication: event.currentTarget.value === 'chain' ? 'chain' : 'craq' })
          }
        >
          <option value="craq">at any replica (CRAQ)</option>
          <option value="chain">at the tail alone (chain replication)</option>
        </select>
      </label>
      <label>
        <span>durability</span>
        <select
          value={options.durability}
          onChange={(event) =>
            change({ durability: event.currentTarget.value as BoardOptions['durability'] })
          }
        >
          <option value="sync">sync: a write waits for disks</option>
          <option value="interval">interval: disks follow</option>
          <option value="memory">memory: no disk is waited for</option>
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={options.workload}
          onChange={(event) => change({ workload: event.currentTarget.checked })}
        />
        clients do things by themselves
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={options.exactlyOnce}
          onChange={(event) => change({ exactlyOnce: event.currentTarget.checked })}
        />
        retries are done once
      </label>
    </div>
  )
}
