/** Two copies, and clients who write to both by themselves: chapter 3. */
import type { StageFrame } from './frame.ts'
import { arrow, plainNode, Story } from './story.ts'

const COPIES = ['A', 'B'] as const
type Copy = (typeof COPIES)[number]

/** Messages in the order in which each copy gets them: the network makes no promise about two senders. */
const ARRIVALS: readonly { readonly copy: Copy; readonly from: string; readonly value: string }[] = [
  { copy: 'A', from: 'Ann', value: '1' },
  { copy: 'B', from: 'Bob', value: '2' },
  { copy: 'A', from: 'Bob', value: '2' },
  { copy: 'B', from: 'Ann', value: '1' },
]

export function twoOrders(): readonly StageFrame[] {
  const x: Record<Copy, string> = { A: '0', B: '0' }
  const story = new Story([
    plainNode('Ann', 'client'),
    ...COPIES.map((copy) => plainNode(copy, 'copy', ['x = 0'])),
    plainNode('Bob', 'client'),
  ])
  story.draw('Two copies of x. Clients write to both of them, and wait for both answers.')
  const puts = {
    Ann: story.call('Ann', 'put x = 1', { f: 'put', key: 'x', value: '1' }),
    Bob: story.call('Bob', 'put x = 2', { f: 'put', key: 'x', value: '2' }),
  }
  story.draw('Ann writes 1, and Bob writes 2, at the same time.')
  for (const { copy, from, value } of ARRIVALS) {
    x[copy] = value
    story.change(copy, { notes: [`x = ${value}`] })
    story.draw(`${copy} gets ${value} from ${from}.`, { arrows: [arrow(from, copy, `x = ${value}`)] })
  }
  story.answer(puts.Ann, {})
  story.answer(puts.Bob, {})
  story.draw(
    `Both are told that all is well. A has ${x.A}, and B has ${x.B}: the last to come wins, and it was not the same one.`,
    {
      tone: 'bad',
    },
  )
  for (const [reader, copy] of [
    ['Ann', 'A'],
    ['Ann', 'B'],
    ['Bob', 'B'],
    ['Bob', 'A'],
  ] as const) {
    const get = story.call(reader, `get x at ${copy}`, { f: 'get', key: 'x' })
    story.draw(`${reader} reads at ${copy}.`, { arrows: [arrow(reader, copy, 'get x')] })
    story.answer(get, { found: { value: x[copy] } })
    story.draw(`${reader} is told ${x[copy]}.`, { arrows: [arrow(copy, reader, `x = ${x[copy]}`)] })
  }
  story.draw('Ann sees 2 and then 1, Bob sees 1 and then 2. They will never agree, and nothing has failed.', {
    tone: 'bad',
  })
  return story.frames
}
