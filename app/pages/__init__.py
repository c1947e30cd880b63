"""What planners see: server-rendered pages in Chinese and English."""

from app.pages.prediction_routes import router as prediction_router
from app.pages.routes import router

__all__ = ["prediction_router", "router"]
