// Several processes, each with a part to play, that share a port as node's cluster has it.

import cluster from 'node:cluster';

/**
 * Runs each of `parts` in a process of its own. In such a process it plays the part, by the function of that name in
 * `plays`. In the first process it gives the port once every `door` serves. If one process ends, all end.
 */
export async function inProcesses(parts, plays) {
  if (cluster.isWorker) {
    await plays[process.env.PART]();
    return undefined;
  }
  const doors = parts.filter((part) => part === 'door').length;
  cluster.on('exit', () => process.exit(1));
  return new Promise((resolve) => {
    let serving = 0;
    cluster.on('listening', (_, { port }) => {
      serving += 1;
      if (serving === doors) {
        resolve(port);
      }
    });
    parts.forEach((part) => cluster.fork({ PART: part }));
  });
}
