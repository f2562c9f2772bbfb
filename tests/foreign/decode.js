// Reads a topic as a stranger would: kafkajs for the records, its schema registry client for the contents.
//
// usage: decode.js BOOTSTRAP TOPIC REGISTRY [TOKEN_FILE] [--reader SCHEMA_FILE]
//
// Prints one JSON object a line, {"key", "headers", "record"}, for every committed record there is. With --reader, records are read into
// that schema, whatever they were written with. kafkajs has no LZ4, which our producers compress with: its codec is given here.
"use strict";
const fs = require("fs");
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require("kafkajs");
const { SchemaRegistry } = require("@kafkajs/confluent-schema-registry");
const lz4 = require("lz4js");

CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
    decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});

function decoder(url, tokenFile, readerFile) {
    const auth = tokenFile && { username: "reader", password: fs.readFileSync(tokenFile, "ascii").split("\n")[0] };
    const registry = new SchemaRegistry({ host: url, ...(auth && { auth }) });
    if (!readerFile) return (value) => registry.decode(value);
    const readerSchema = JSON.parse(fs.readFileSync(readerFile, "utf8"));
    return (value) => registry.decode(value, { AVRO: { readerSchema } });
}

// The committed ends: where a partition is read up to. The last record may be a transaction's marker, which no consumer is shown.
async function ends(kafka, topic) {
    const admin = kafka.admin();
    await admin.connect();
    const found = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    return new Map(found.filter((p) => p.high !== p.low).map((p) => [p.partition, Number(p.high)]));
}

async function main() {
    const args = process.argv.slice(2);
    const at = args.indexOf("--reader");
    const readerFile = at >= 0 ? args.splice(at, 2)[1] : undefined;
    const [bootstrap, topic, url, tokenFile] = args;
    const decode = decoder(url, tokenFile, readerFile);
    const kafka = new Kafka({ clientId: "a-stranger", brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
    const left = await ends(kafka, topic);
    const consumer = kafka.consumer({ groupId: "portolan.consumer-" + process.pid + "-" + Date.now(), readUncommitted: false, maxWaitTimeInMs: 200 });
    const ended = new Promise((done) => {
        if (left.size === 0) done();
        consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
            if (Number(payload.lastOffset) + 1 >= left.get(payload.partition)) left.delete(payload.partition);
            if (left.size === 0) done();
        });
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
        eachMessage: async ({ message }) => {
            const record = await decode(message.value);
            const line = { key: message.key.toString(), headers: Object.keys(message.headers).length, record };
            process.stdout.write(JSON.stringify(line) + "\n");
        },
    });
    await ended;
    await consumer.disconnect();
}

main().catch((e) => {
    console.error(e);
    process.exit(1);
});
