/** Reads are answered by the member that the client is connected to, from what that has applied (ZooKeeper §4.4). */
import type { StageFrame } from '../stage/frame.ts'
import { REQUESTS as ask, ZnodeStage } from './znode-stage.ts'

const last = (stage: ZnodeStage, client: string) => {
  const reply = stage.takeReplies(client).at(-1)
  return reply === undefined ? 'nothing' : reply.text
}

/** Ann writes at the leader; Bob reads at a follower that lags; `sync` brings him up to date; Ann cannot go back in time. */
export function staleReads(): readonly StageFrame[] {
  const stage = new ZnodeStage({ members: ['Z1', 'Z2'], clients: ['Ann', 'Bob'] })
  stage.ask('Ann', ask.create('/x', '1'))
  stage.apply('Z1')
  stage.apply('Z2')
  stage.forgetArrows()
  stage.draw('Ann is connected to the leader Z1, Bob to the follower Z2. /x is 1 at both.')
  stage.ask('Ann', ask.set('/x', '2'))
  stage.apply('Z1')
  stage.takeReplies('Ann')
  stage.draw('Ann sets /x to 2. It is committed, and she has her answer. Z2 has not applied it yet.')
  stage.ask('Bob', ask.get('/x'))
  stage.draw(
    `Bob reads at Z2: ${last(stage, 'Bob')}. His read is stale, cost nobody but Z2 anything, and is allowed.`,
    {
      tone: 'bad',
      cites: 'ZooKeeper §4.4',
    },
  )
  const moved = stage.move('Ann', 'Z2')
  stage.draw(
    moved
      ? 'Ann moves to Z2.'
      : 'Ann tries to move to Z2. She has seen a higher zxid than Z2 has, so Z2 sends her away: nobody who has seen 2 sees 1 again.',
    { tone: 'good', cites: 'ZooKeeper §4.4' },
  )
  stage.ask('Bob', ask.sync('/x'))
  stage.takeReplies('Bob')
  stage.draw('Bob asks for a sync: Z2 answers once it has applied all that was committed when it asked.', {
    cites: 'ZooKeeper §4.4',
  })
  stage.ask('Bob', ask.get('/x'))
  stage.draw(`Bob reads again: ${last(stage, 'Bob')}.`, { tone: 'good' })
  return stage.frames
}
