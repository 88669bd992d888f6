import type { CoordinatorClient, CoordinatorOptions } from './api.ts'
import { nodePlatformOver } from './node-platform.ts'
import { coordinatorOver } from './session-client.ts'

export type { Acl, Stat } from '../../protocol/zookeeper/records.ts'
export type {
  AddWatchOptions,
  CoordinatorClient,
  CoordinatorOptions,
  CoordinatorState,
  CreateOptions,
  Identification,
  Identity,
  MultiStep,
  MultiStepResult,
  SessionInfo,
  Stop,
  WatchCallback,
  WatchEvent,
  Znode,
  ZnodeAcl,
  ZnodeData,
} from './api.ts'

/**
 * Opens a session with a coordinator ensemble, ours or Apache ZooKeeper's. Returns at once; what is asked before a member answers waits.
 *
 * @throws {CoordinatorError} `BAD_ARGUMENTS`: `servers` or `chroot` cannot be read.
 *
 * @example
 * const zk = coordinator({ servers: '127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183' })
 * await zk.create('/greeting', 'hello')
 * await zk.close()
 */
export function coordinator(options: CoordinatorOptions): CoordinatorClient {
  return coordinatorOver(options, nodePlatformOver(options.tls ?? null))
}
