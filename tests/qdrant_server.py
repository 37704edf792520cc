"""A stand-in for a Qdrant server in a process of its own: those of its REST calls that `lmkit.retrieval` makes, on loopback.

    python -m tests.qdrant_server 6333 [key]

No registry that the tests may use has Qdrant's own server. What stands behind the calls here is the client's embedded engine, so
this proves the requests, the JSON, the errors and the ids on the wire; it proves nothing of the server's HNSW index or clusters.
"""

import sys

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models


def app(key: str | None) -> FastAPI:
    server, store = FastAPI(), QdrantClient(":memory:", force_disable_check_same_thread=True)

    def answer(result, status: int = 200) -> JSONResponse:
        plain = TypeAdapter(type(result)).dump_python(result, mode="json", exclude_none=True)
        return JSONResponse({"result": plain, "status": "ok", "time": 0.0}, status)

    @server.middleware("http")
    async def guard(request: Request, call):
        if key is not None and request.headers.get("api-key") != key:
            return JSONResponse({"status": {"error": "Must provide an API key"}}, 401)
        return await call(request)

    @server.get("/collections/{name}/exists")
    def exists(name: str):
        return answer({"exists": store.collection_exists(name)})

    @server.put("/collections/{name}")
    def create(name: str, wanted: models.CreateCollection):
        store.create_collection(name, vectors_config=wanted.vectors, metadata=wanted.metadata)
        return answer(True)

    @server.get("/collections/{name}")
    def describe(name: str):
        return answer(store.get_collection(name))

    @server.put("/collections/{name}/points")
    def upsert(name: str, wanted: models.PointsList):
        return answer(store.upsert(name, wanted.points))

    @server.post("/collections/{name}/points")
    def retrieve(name: str, wanted: models.PointRequest):
        return answer(store.retrieve(name, wanted.ids, with_payload=wanted.with_payload or False))

    @server.post("/collections/{name}/points/count")
    def count(name: str, wanted: models.CountRequest):
        return answer(store.count(name, exact=wanted.exact))

    @server.post("/collections/{name}/points/scroll")
    def scroll(name: str, wanted: models.ScrollRequest):
        options = {"with_payload": wanted.with_payload, "with_vectors": wanted.with_vector}
        records, after = store.scroll(name, limit=wanted.limit, offset=wanted.offset, **options)
        return answer(models.ScrollResult(points=records, next_page_offset=after))

    @server.post("/collections/{name}/points/query")
    def query(name: str, wanted: models.QueryRequest):
        found = store.query_points(name, query=wanted.query, limit=wanted.limit, with_payload=wanted.with_payload)
        return answer(found)

    return server


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[2] if len(sys.argv) > 2 else None), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
