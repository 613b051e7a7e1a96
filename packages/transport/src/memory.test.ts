import { connectionContract } from './contracts/index.ts';
import { memoryPair } from './memory.ts';

connectionContract('memory', async () => {
  const [a, b] = memoryPair();
  return {
    a,
    b,
    async close() {
      a.close();
    },
  };
});
