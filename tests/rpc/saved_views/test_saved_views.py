"""Each caller keeps views of its own, and all readers of the book see those that are shared."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest

from collateral_registry.domain.access.roles import Role
from collateral_registry.domain.saved_views.saved_views import OWN_LIMIT
from collateral_registry.v1 import saved_view_pb2 as pb, saved_view_pb2_grpc
from tests.support.callers import CallerServer, caller
from tests.support.server import connected, details_of

pytestmark = pytest.mark.slow

NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Reader:
    """A caller with the views that it saves."""

    service: saved_view_pb2_grpc.SavedViewServiceStub
    principal: str
    role: Role

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return caller(self.principal, self.role) if self.principal != "local-owner" else ()

    def save(self, display_name: str, path: str = "/loans", **stated: object) -> pb.SavedView:
        shared = bool(stated.pop("shared", False))
        view = pb.SavedView(display_name=display_name, path=path, shared=shared)
        return self.service.SaveView(pb.SaveViewRequest(saved_view=view, **stated), metadata=self.metadata)

    def seen(self, filter_: str = "", **stated: object) -> list[pb.SavedView]:
        request = pb.ListSavedViewsRequest(page_size=1_000, filter=filter_, **stated)
        return list(self.service.ListSavedViews(request, metadata=self.metadata).saved_views)

    def delete(self, view: pb.SavedView, **stated: object) -> pb.SavedView:
        return self.service.DeleteSavedView(pb.DeleteSavedViewRequest(name=view.name, **stated), metadata=self.metadata)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[saved_view_pb2_grpc.SavedViewServiceStub]:
    server = CallerServer(f"sqlite:///{tmp_path_factory.mktemp('views') / 'book.db'}")
    server.start()
    with connected(server) as client:
        yield saved_view_pb2_grpc.SavedViewServiceStub(client.channel)
    server.stop()


@pytest.fixture
def ana(service) -> Reader:
    return Reader(service, f"people/ana-{next(NUMBERS)}", Role.RISK_OFFICER)


@pytest.fixture
def bo(service) -> Reader:
    return Reader(service, f"people/bo-{next(NUMBERS)}", Role.AUDITOR)


def names(views: list[pb.SavedView], *owners: Reader) -> list[str]:
    return [view.display_name for view in views if view.owner in {owner.principal for owner in owners}]


def refused(code: grpc.StatusCode, call, *arguments, **stated) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **stated)
    assert error.value.code() is code, error.value.details()
    return error.value


def test_a_view_is_seen_by_its_owner_and_by_others_once_it_is_shared(ana, bo):
    saved = ana.save(" near a call ", "/loans?fall=10")
    assert (saved.display_name, saved.path, saved.shared) == ("near a call", "/loans?fall=10", False)
    assert (saved.owner, saved.own, saved.create_time.seconds > 0) == (ana.principal, True, True)
    assert names(ana.seen(), ana) == ["near a call"]
    assert names(bo.seen(), ana) == []

    ana.save("near a call", "/loans?fall=10", shared=True)
    (seen,) = [view for view in bo.seen() if view.owner == ana.principal]
    assert (seen.name, seen.path, seen.own) == (saved.name, "/loans?fall=10", False)


def test_a_view_with_the_same_name_of_the_same_owner_is_replaced(ana, bo):
    first = ana.save("mine", "/loans?level=watch")
    other = bo.save("mine", "/loans?level=none")
    second = ana.save("mine", "/breaches?state=all")

    assert (second.name, second.create_time) == (first.name, first.create_time)
    assert other.name != first.name
    assert [view.path for view in ana.seen() if view.own] == ["/breaches?state=all"]
    assert [view.path for view in bo.seen() if view.own] == ["/loans?level=none"]


def test_an_owner_alone_deletes_a_view(ana, bo):
    own, shared = ana.save("own"), ana.save("shared", shared=True)

    assert own.name in refused(grpc.StatusCode.NOT_FOUND, bo.delete, own).details()
    assert "a saved view of your own" in refused(grpc.StatusCode.PERMISSION_DENIED, bo.delete, shared).details()
    assert ana.delete(own, validate_only=True) == own
    assert names(ana.seen(), ana) == ["own", "shared"]
    assert ana.delete(own, request_id=own.name) == ana.delete(own, request_id=own.name) == own
    assert names(ana.seen(), ana) == ["shared"]
    refused(grpc.StatusCode.NOT_FOUND, ana.delete, own)


def test_the_number_of_a_deleted_view_never_names_another(ana):
    first = ana.save("first")
    ana.delete(first)

    assert ana.save("second").name != first.name


def test_callers_without_credentials_have_one_common_set(service):
    owner = Reader(service, "local-owner", Role.LOCAL_OWNER)
    owner.save("common")

    assert [view.display_name for view in owner.seen("owner = local-owner") if view.own] == ["common"]


def test_views_are_filtered_by_page_and_listed_in_pages(ana):
    for number, path in enumerate(("/loans", "/loans?level=watch", "/breaches")):
        ana.save(f"view {number}", path)

    mine = f'owner = "{ana.principal}"'
    assert names(ana.seen(f'path:"/loans*" AND {mine}'), ana) == ["view 0", "view 1"]
    request = pb.ListSavedViewsRequest(page_size=2, filter=mine)
    first = ana.service.ListSavedViews(request, metadata=ana.metadata)
    request.page_token = first.next_page_token
    second = ana.service.ListSavedViews(request, metadata=ana.metadata)
    assert names([*first.saved_views, *second.saved_views], ana) == ["view 0", "view 1", "view 2"]
    assert not second.next_page_token


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "javascript:alert(1)", "/loans?q=a\nb"])
def test_a_path_to_another_place_is_refused_and_not_stored(ana, path):
    error = refused(grpc.StatusCode.INVALID_ARGUMENT, ana.save, "evil", path, shared=True)

    assert details_of(error)[1] == ["saved_view.path"]
    assert names(ana.seen(), ana) == []


def test_every_wrong_field_of_a_view_is_named(ana):
    error = refused(grpc.StatusCode.INVALID_ARGUMENT, ana.save, "", "")

    assert details_of(error)[1] == ["saved_view.display_name", "saved_view.path"]


def test_a_request_that_only_validates_saves_nothing(ana):
    assert ana.save("tried", validate_only=True).display_name == "tried"
    assert names(ana.seen(), ana) == []


def test_a_view_beyond_the_limit_is_refused_with_a_reason(ana):
    for number in range(OWN_LIMIT):
        ana.save(f"view {number}")

    error = refused(grpc.StatusCode.FAILED_PRECONDITION, ana.save, "one more")
    assert details_of(error)[0].reason == "SAVED_VIEW_LIMIT"
