/**
 * A primary, a backup, and a link between them that breaks: chapter 2. Either the backup decides by itself that the primary is dead, or a third party does, and a primary
 * answers nothing that its backup does not have.
 */
import type { StageFrame } from './frame.ts'
import { arrow, plainNode, Story } from './story.ts'

interface Pair {
  primary: string
  backup: string
}

const note = (x: string) => [`x = ${x}`]

function begin(third: boolean): { readonly story: Story; readonly pair: Pair } {
  const pair: Pair = { primary: '0', backup: '0' }
  const story = new Story([
    plainNode('Ann', 'client'),
    ...(third ? [plainNode('manager', 'manager', ['1: primary A, backup B'])] : []),
    plainNode('A', 'primary', note('0')),
    plainNode('B', 'backup', note('0')),
    plainNode('Bob', 'client'),
  ])
  story.draw(
    'A is the primary and sends every write to B, its backup. Ann is near A, Bob is near B. x is 0.',
    {
      cites: 'CR §4',
    },
  )
  const first = story.call('Ann', 'put x = 1', { f: 'put', key: 'x', value: '1' })
  story.draw('Ann writes.', { arrows: [arrow('Ann', 'A', 'put x = 1'), arrow('A', 'B', 'x = 1')] })
  pair.primary = '1'
  pair.backup = '1'
  story.change('A', { notes: note('1') })
  story.change('B', { notes: note('1') })
  story.answer(first, {})
  story.draw('B has it, and says so; A answers Ann.', {
    arrows: [arrow('B', 'A', 'ok'), arrow('A', 'Ann', 'ok')],
  })
  return { story, pair }
}

/** Each of the two decides alone: it takes silence for death. */
export function splitBrain(): readonly StageFrame[] {
  const { story } = begin(false)
  story.draw(
    'The link between A and B breaks. Both are alive. Neither can tell a dead peer from a broken link.',
    {
      arrows: [arrow('A', 'B', 'heartbeat', 'lost'), arrow('B', 'A', 'heartbeat', 'lost')],
      tone: 'bad',
    },
  )
  story.change('B', { role: 'primary' })
  story.draw(
    'B hears nothing for a while, takes A for dead and makes itself primary. A takes B for dead and goes on alone.',
    {
      tone: 'bad',
    },
  )
  const put = story.call('Ann', 'put x = 2', { f: 'put', key: 'x', value: '2' })
  story.change('A', { notes: note('2') })
  story.draw('Ann writes to A.', { arrows: [arrow('Ann', 'A', 'put x = 2')] })
  story.answer(put, {})
  story.draw('A answers: it has no backup any more to wait for.', { arrows: [arrow('A', 'Ann', 'ok')] })
  const get = story.call('Bob', 'get x', { f: 'get', key: 'x' })
  story.draw('Bob asks B, which calls itself primary.', { arrows: [arrow('Bob', 'B', 'get x')] })
  story.answer(get, { found: { value: '1' } })
  story.draw(
    'Bob is told 1, after Ann was told that 2 is written. Two primaries, two truths: a split brain.',
    {
      arrows: [arrow('B', 'Bob', 'x = 1')],
      tone: 'bad',
    },
  )
  return story.frames
}

/** A third party decides, and says it to the new primary only once the old one can do no harm. */
export function managerDecides(): readonly StageFrame[] {
  const { story } = begin(true)
  story.draw('The link between A and B breaks. Both still hear the manager, and the manager hears both.', {
    arrows: [
      arrow('A', 'B', 'heartbeat', 'lost'),
      arrow('A', 'manager', 'alive'),
      arrow('B', 'manager', 'alive'),
    ],
  })
  const put = story.call('Ann', 'put x = 2', { f: 'put', key: 'x', value: '2' })
  story.change('A', { notes: ['x = 1', 'waits for B: x = 2'] })
  story.draw('Ann writes to A. A may not answer before its backup has it.', {
    arrows: [arrow('Ann', 'A', 'put x = 2'), arrow('A', 'B', 'x = 2', 'lost')],
  })
  const get = story.call('Bob', 'get x', { f: 'get', key: 'x' })
  story.draw('Bob asks B. It is a backup, whatever it thinks of A, and sends him away.', {
    arrows: [arrow('Bob', 'B', 'get x', 'refused')],
  })
  story.change('manager', { notes: ['1: primary A, backup B', '2: primary A'] })
  story.change('B', { role: 'removed' })
  story.draw('Both complain about the link. The manager decides: configuration 2 is A alone.', {
    arrows: [
      arrow('A', 'manager', 'B is silent'),
      arrow('manager', 'A', '2: A'),
      arrow('manager', 'B', '2: A'),
    ],
    cites: 'CR §3',
  })
  story.change('A', { notes: note('2') })
  story.answer(put, {})
  story.draw('Now A may answer alone: everybody who can be asked knows that B is out.', {
    arrows: [arrow('A', 'Ann', 'ok')],
    tone: 'good',
  })
  story.draw('Bob asks A.', { arrows: [arrow('Bob', 'A', 'get x')] })
  story.answer(get, { found: { value: '2' } })
  story.draw('He waited longer, and was told the truth.', {
    arrows: [arrow('A', 'Bob', 'x = 2')],
    tone: 'good',
  })
  return story.frames
}
