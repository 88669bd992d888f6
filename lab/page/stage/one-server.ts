/** One server with one value, in memory or on a disk: chapter 1. */
import type { StageFrame } from './frame.ts'
import { arrow, plainNode, Story } from './story.ts'

interface OneServer {
  readonly durable: boolean
  x: string | null
  disk: string | null
}

const notesOf = ({ x, disk, durable }: OneServer): readonly string[] => [
  `memory: ${x === null ? 'nothing' : `x = ${x}`}`,
  ...(durable ? [`disk: ${disk === null ? 'nothing' : `x = ${disk}`}`] : []),
]

/** A client writes, the server loses power, and the client reads. */
export function oneServer({ durable }: { readonly durable: boolean }): readonly StageFrame[] {
  const server: OneServer = { durable, x: null, disk: null }
  const story = new Story([plainNode('client', 'client'), plainNode('server', 'server', notesOf(server))])
  story.draw('One server, one client. There is no other copy.')
  const put = story.call('client', 'put x = 1', { f: 'put', key: 'x', value: '1' })
  story.draw('The client writes.', { arrows: [arrow('client', 'server', 'put x = 1')] })
  server.x = '1'
  if (durable) server.disk = '1'
  story.change('server', { notes: notesOf(server) })
  story.answer(put, {})
  story.draw(
    durable
      ? 'The server writes to its disk, waits for it, and only then answers.'
      : 'The server keeps it in memory and answers.',
    {
      arrows: [arrow('server', 'client', 'ok')],
    },
  )
  server.x = null
  story.change('server', { state: 'down', notes: notesOf(server) })
  story.draw('The power fails. What was in memory is gone.', { tone: 'bad' })
  const lost = story.call('client', 'get x', { f: 'get', key: 'x' })
  story.draw('The client reads. Nobody answers: with one copy, one failure is an outage.', {
    arrows: [arrow('client', 'server', 'get x', 'lost')],
    tone: 'bad',
  })
  server.x = server.disk
  story.change('server', { state: 'up', notes: notesOf(server) })
  story.draw(
    durable
      ? 'The power returns. The server reads its disk.'
      : 'The power returns. The server starts with nothing.',
  )
  story.answer(lost, { found: server.x === null ? null : { value: server.x } })
  const found = server.x === null ? 'nothing' : `x = ${server.x}`
  story.draw(
    durable
      ? 'The client tries again and finds its write. It had to wait for as long as the server was down.'
      : 'The client tries again and finds nothing, although its write had been acknowledged.',
    {
      arrows: [arrow('client', 'server', 'get x'), arrow('server', 'client', found)],
      tone: durable ? 'good' : 'bad',
    },
  )
  return story.frames
}
