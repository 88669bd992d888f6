import { useMemo, useState } from 'preact/hooks'
import { check } from '../../../checker/check.ts'
import { readHistory } from '../../../checker/formats/read-history.ts'
import { labelOf } from '../../../checker/page/labels.ts'
import type { HistoryScenario } from '../../chapters/chapter.ts'
import { HistoryChart } from './history-chart.tsx'

const MAX_CHARACTERS = 60_000

function judge(text: string) {
  if (text.length > MAX_CHARACTERS)
    return {
      error: `This is too long for the page: at most ${MAX_CHARACTERS} characters. Give it to \`catenary check\`.`,
    }
  try {
    const { operations, model, initial } = readHistory(text)
    const verdict = check(operations, { model, initial })
    const part = verdict.parts.find(({ judgement }) => judgement !== 'linearizable') ?? null
    return { operations, verdict, part }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** A history that the visitor may change, line by line, and have judged. */
export function HistoryView({ scenario }: { readonly scenario: HistoryScenario }) {
  const [text, setText] = useState(scenario.ndjson)
  const [asked, setAsked] = useState<string | null>(null)
  const shown = useMemo(() => judge(text), [text])
  const isAsked = asked === text && !('error' in shown)
  const culprits = isAsked ? new Set((shown.part?.smallest ?? []).map(({ id }) => id)) : new Set<number>()
  return (
    <section class="stage" aria-label="a history">
      {'error' in shown ? (
        <p class="stage-caption bad" role="alert">
          {shown.error}
        </p>
      ) : (
        <HistoryChart
          culprits={culprits}
          operations={shown.operations.map((operation) => ({
            id: operation.id,
            client: operation.process,
            text: labelOf(operation),
            from: operation.call,
            to: Number.isFinite(operation.return) ? operation.return : null,
          }))}
        />
      )}
      <p class="stage-tools">
        <button type="button" class="primary" onClick={() => setAsked(text)}>
          Ask the judge
        </button>
        <button type="button" onClick={() => setText(scenario.ndjson)}>
          As it was
        </button>
      </p>
      {isAsked && (
        <p
          class={`stage-caption ${shown.verdict.judgement === 'linearizable' ? 'good' : 'bad'}`}
          role="status"
        >
          <b>
            {shown.verdict.judgement === 'linearizable'
              ? '✓ Linearizable'
              : shown.verdict.judgement === 'unknown'
                ? '? Not decided'
                : '✕ Not linearizable'}
          </b>
          {shown.part?.reason == null ? '' : `: ${shown.part.reason}`}
        </p>
      )}
      <label class="history-text">
        The history, a line for each event (docs/CHECKER.md)
        <textarea
          value={text}
          rows={18}
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
    </section>
  )
}
