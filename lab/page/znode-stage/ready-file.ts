/** A configuration of two znodes that must be read together, and a third one that says whether it may be read (ZooKeeper §2.3). */
import type { StageFrame } from '../stage/frame.ts'
import { REQUESTS as ask, ZnodeStage } from './znode-stage.ts'

const CITES = 'ZooKeeper §2.3'

/** Writer at the leader Z1, reader at the follower Z2; both have a = old, b = old, ready. */
function begin(): ZnodeStage {
  const stage = new ZnodeStage({ members: ['Z1', 'Z2'], clients: ['writer', 'reader'] })
  for (const request of [ask.create('/a', 'old'), ask.create('/b', 'old'), ask.create('/ready')])
    stage.ask('writer', request)
  stage.apply('Z1')
  stage.apply('Z2')
  stage.takeReplies('writer')
  stage.forgetArrows()
  stage.draw('The configuration is /a and /b together; /ready says that it is complete.')
  return stage
}

/** The writer's four requests, which it sends without waiting: FIFO client order keeps them in this order. */
function rewrite(stage: ZnodeStage): void {
  for (const request of [
    ask.remove('/ready'),
    ask.set('/a', 'new'),
    ask.set('/b', 'new'),
    ask.create('/ready'),
  ])
    stage.ask('writer', request)
  stage.apply('Z1')
}

const found = (stage: ZnodeStage): string => stage.takeReplies('reader').at(-1)?.text ?? 'nothing'

/** The reader has got half of what it wants when the writer begins. @returns what it read. */
function readAThenRewrite(stage: ZnodeStage): string {
  stage.ask('reader', ask.get('/a'))
  const a = found(stage)
  stage.note('reader', [`a = ${a}`])
  stage.draw('It reads /a.')
  rewrite(stage)
  stage.draw('The writer deletes /ready, changes /a and /b, and creates /ready again. Z2 has not heard yet.')
  return a
}

/** The reader looks for /ready first, but sets no watch. */
export function readyWithoutWatch(): readonly StageFrame[] {
  const stage = begin()
  stage.ask('reader', ask.exists('/ready'))
  found(stage)
  stage.draw('The reader finds /ready. It sets no watch.', { cites: CITES })
  const a = readAThenRewrite(stage)
  stage.apply('Z2')
  stage.draw('Z2 applies all of it.')
  stage.ask('reader', ask.get('/b'))
  const b = found(stage)
  stage.note('reader', [`a = ${a}`, `b = ${b}`])
  stage.draw(`It reads /b. It has a = ${a} and b = ${b}: a configuration that never was.`, { tone: 'bad' })
  return stage.frames
}

/** First interleaving: the deletion of /ready comes between the reader's steps. The watch tells it before it can see anything new. */
export function readyWithWatch(): readonly StageFrame[] {
  const stage = begin()
  stage.ask('reader', ask.exists('/ready', true))
  found(stage)
  stage.draw('The reader finds /ready, and sets a watch on it with the same request.', { cites: CITES })
  readAThenRewrite(stage)
  stage.apply('Z2', 1)
  const [event] = stage.takeEvents('reader')
  stage.note('reader', ['starts again'])
  stage.draw(
    `Z2 applies the deletion, and tells the reader at once: ${event ?? 'nothing'}. The reader throws away what it has.`,
    { tone: 'good', cites: CITES },
  )
  stage.apply('Z2')
  return readAgain(stage)
}

/** Second interleaving: the reader comes when /ready is gone. Whoever sees the new /ready sees all that was written before it. */
export function readyComesBack(): readonly StageFrame[] {
  const stage = begin()
  rewrite(stage)
  stage.apply('Z2', 1)
  stage.draw(
    'The writer deletes /ready, changes /a and /b, and creates /ready again. Z2 has only the deletion so far.',
  )
  stage.ask('reader', ask.exists('/ready', true))
  const looked = found(stage)
  stage.note('reader', ['waits'])
  stage.draw(`The reader looks for /ready (${looked}), sets a watch, and waits. It does not read /a or /b.`, {
    cites: CITES,
  })
  stage.apply('Z2', 2)
  stage.draw('Z2 applies the two changes. The reader is not told: it watches /ready.')
  stage.apply('Z2')
  const [event] = stage.takeEvents('reader')
  stage.draw(`Z2 applies the last one, and tells the reader: ${event ?? 'nothing'}.`)
  return readAgain(stage)
}

function readAgain(stage: ZnodeStage): readonly StageFrame[] {
  stage.ask('reader', ask.exists('/ready', true))
  found(stage)
  stage.draw('The reader looks for /ready and finds it.')
  stage.ask('reader', ask.get('/a'))
  const a = found(stage)
  stage.ask('reader', ask.get('/b'))
  const b = found(stage)
  stage.note('reader', [`a = ${a}`, `b = ${b}`])
  stage.draw(`It reads a = ${a} and b = ${b}. No watch has fired: both belong together.`, { tone: 'good' })
  return stage.frames
}
