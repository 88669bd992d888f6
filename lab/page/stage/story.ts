import type { KvInput, KvOutput } from '../../checker/operations.ts'
import type { StageArrow, StageFrame, StageNode, StageOperation, StageTone } from './frame.ts'

/** How a node begins. */
export const plainNode = (id: string, role: string, notes: readonly string[] = []): StageNode => ({
  id,
  role,
  state: 'up',
  term: null,
  slots: [],
  dropped: [],
  notes,
})

export const arrow = (
  from: string,
  to: string,
  label: string,
  outcome: StageArrow['outcome'] = 'delivered',
): StageArrow => ({ from, to, label, fields: [], outcome })

/** What a read found, to stand behind its question. */
const readText = (output: KvOutput): string =>
  'found' in output ? ` → ${output.found === null ? 'nothing' : output.found.value}` : ''

/** Draws one frame after another: what was changed since the last one, and what clients called and were told meanwhile. */
export class Story {
  readonly frames: StageFrame[] = []
  readonly #nodes = new Map<string, StageNode>()
  readonly #operations: StageOperation[] = []

  constructor(nodes: readonly StageNode[]) {
    for (const node of nodes) this.#nodes.set(node.id, node)
  }

  change(id: string, part: Partial<Omit<StageNode, 'id'>>): void {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new RangeError(`no ${id} on this stage`)
    this.#nodes.set(id, { ...node, ...part })
  }

  /** A client calls something in the frame that is drawn next. @returns what to answer it by. */
  call(client: string, text: string, input: KvInput): number {
    this.#operations.push({ client, text, input, output: null, from: this.frames.length, to: null })
    return this.#operations.length - 1
  }

  /** It is answered in the frame that is drawn next. */
  answer(id: number, output: KvOutput): void {
    const operation = this.#operations[id]
    if (operation === undefined) throw new RangeError(`no operation ${id} on this stage`)
    this.#operations[id] = {
      ...operation,
      text: `${operation.text}${readText(output)}`,
      output,
      to: this.frames.length,
    }
  }

  draw(
    caption: string,
    {
      cites = null,
      arrows = [],
      tone = 'plain',
    }: {
      readonly cites?: string | null
      readonly arrows?: readonly StageArrow[]
      readonly tone?: StageTone
    } = {},
  ): void {
    this.frames.push({
      caption,
      cites,
      nodes: [...this.#nodes.values()],
      arrows,
      tone,
      operations: [...this.#operations],
    })
  }
}
