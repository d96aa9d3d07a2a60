"""Google Travel Impact Model: what a passenger of a flight causes, as the model that Google Flights shows has it.

An enrichment: it brings no flights, it says more about those that others brought (`app.usecases.enrich_flights`).
"""

from connectors.base import ApiKey, KeyPlace, Link, Manifest, Provider, Pull
from connectors.travel_impact_model.parse import PARSER_VERSION, parse
from domain.declared import ActivityDocument


def _pull(_link: Link, _cursor: str | None) -> Pull:
    """Asks for nothing: which flights there are, the connections know that brought them."""
    yield from ()


class TravelImpactModel:
    """The connector for the Travel Impact Model."""

    manifest = Manifest(
        connector_id="travel-impact-model",
        title="Travel Impact Model (emissions of your flights, by Google; CC BY-SA 4.0)",
        kinds=frozenset({"flight"}),
        parser_version=PARSER_VERSION,
        providers=(
            Provider(
                "travel-impact-model",
                "Google Travel Impact Model",
                "https://travelimpactmodel.googleapis.com",
                auth=ApiKey(
                    KeyPlace.QUERY,
                    "key",
                    help="Free: in the Google Cloud console enable the Travel Impact Model API, then create an API key.",
                ),
                help_url="https://developers.google.com/travel/impact-model",
            ),
        ),
    )
    pull = staticmethod(_pull)

    def parse(self, body: bytes) -> ActivityDocument:
        """Flights with the model's grams.

        Args:
            body: A question and its answer, as the archive keeps them.

        Returns:
            The flights that it knows.

        Raises:
            DocumentError: It is damaged, or the answer is not what the API gives.
        """
        return parse(body)


TRAVEL_IMPACT_MODEL = TravelImpactModel()
"""The one instance; it has no state."""
