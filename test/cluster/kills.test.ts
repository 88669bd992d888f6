import { test } from 'vitest'
import { STORY_TIMEOUT_MS, withCluster } from '../support/cluster.ts'
import { killEachMember, SESSION_TIMEOUT_MS } from './kill-story.ts'

test(
  'tail, middle, head and Raft leader die under load: nothing is lost, done twice or read backwards',
  { timeout: STORY_TIMEOUT_MS },
  () => withCluster({ sessionTimeoutMs: SESSION_TIMEOUT_MS }, (cluster) => killEachMember(cluster)),
)
